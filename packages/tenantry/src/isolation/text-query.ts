import type { Scope } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { type Gate, GatedQuery } from './gated-query.js';
import { ParseOnly } from './parse-only.js';
import { WireQueryBase } from './pg-internals.js';
import { type StatementNature, statementNature } from './statement-kind.js';

/** A statement that came as a text. */
export interface TextStatement {
  readonly scope: Scope | undefined;
  readonly text: string;
  /** What else was said of it, where `pg` was given an object. */
  readonly config?: Record<string, unknown> | undefined;
  readonly values?: unknown;
  readonly callback: (error: Error | null, result?: unknown) => void;
  /** @default what its text says */
  readonly nature?: StatementNature | undefined;
  /** Called as its turn comes. */
  readonly before?: (() => void) | undefined;
}

/** A statement as `pg` would make it, but for its name: a prepared one of a tenant costs memory that is never given back. */
export function textQuery(gate: Gate, statement: TextStatement): GatedQuery {
  const { scope, text, config, values = config?.['values'], before } = statement;
  const callback = once(statement.callback);
  const nature = statement.nature ?? statementNature(text);
  const { kind, what = 'It' } = nature;
  const unknown = kind === 'unknown' && refused(what, 'Tenantry does not know it, so it was not run.');
  const object = unknown
    ? new ParseOnly(text, unknown, callback)
    : new WireQueryBase(config ? { ...asked(config), text } : text, values, callback);
  object.queryMode = 'extended';
  const refusal = kind.startsWith('copy') ? refused(what, 'Use from() or to() of pg-copy-streams.') : undefined;
  const timeout = config?.['query_timeout'] as number | undefined;
  return new GatedQuery(gate, { scope, nature, text, object, made: true, refusal, before }, timeout);
}

function refused(what: string, remedy: string): TenancyError {
  return new TenancyError('TENANCY_STATEMENT_REFUSED', { what, remedy });
}

/** Reads the properties one by one, because some libraries have getters, which a spread would leave out. */
function asked(config: Record<string, unknown>): Record<string, unknown> {
  const { rows, rowMode, types, binary, portal } = config;
  return { rows, rowMode, types, binary, portal };
}

/** `pg` tells of a value that cannot be sent, and then of the end of the statement that it could not send. */
function once(callback: TextStatement['callback']): TextStatement['callback'] {
  let told = false;
  return (error, result) => {
    if (told) return;
    told = true;
    callback(error, result);
  };
}
