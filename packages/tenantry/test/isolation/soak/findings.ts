import type { Change } from './change.js';
import type { FaultKind } from './fault.js';
import type { Operation } from './history.js';

/** Rows of each tenant by their tokens, as a superuser sees them. */
export type Rows = ReadonlyMap<string, readonly string[]>;

/** What is to be judged. */
export interface Evidence {
  readonly operations: readonly Operation[];
  /** What was there before the first operation, and after all of them. */
  readonly before: Rows;
  readonly after: Rows;
  /** A tenant's role. */
  readonly roleOf: (tenant: string) => string;
  /** The statement timeout of every scope, as PostgreSQL shows it. */
  readonly limit?: string;
}

/** What one check found out about the history, for the next ones. */
export interface Findings extends Evidence {
  /** Every change of a token, in the order of the operations. */
  readonly changesOf: ReadonlyMap<string, readonly Change[]>;
  /** What took away a tenant's rows, or the right to them. */
  readonly disturbances: readonly Operation[];
  report(kind: FaultKind, says: string, ...operations: readonly (Operation | undefined)[]): void;
}

/** The tenant that wrote a row: tokens begin with it. */
export function writerOf(token: string): string {
  return token.slice(0, token.indexOf('/'));
}
