import type { EntityManager } from '@mikro-orm/postgresql';
import { runInCell } from '../context/current-scope.js';
import { ScopeCell } from '../context/scope-cell.js';
import { translateError } from '../postgres/translate-error.js';
import type { Tenancy } from '../tenancy.js';
import { type Attempt, type ProbeResult } from './attempt.js';
import { NotApplicable } from './not-applicable.js';
import { byEntity } from './attempts/by-entity.js';
import { byFunction } from './attempts/by-function.js';
import { byName } from './attempts/by-name.js';
import { byOrm } from './attempts/by-orm.js';
import { byRole } from './attempts/by-role.js';
import { byScope } from './attempts/by-scope.js';
import { bySession } from './attempts/by-session.js';
import { type Ground, prepareGround } from './ground.js';

/** Between which tenants to try. */
export interface ProbeOptions {
  /** The tenant that tries; served, with a schema. */
  readonly as: string;
  /** The tenant whose rows it must not reach; served, with a schema, and best with rows. */
  readonly target: string;
}

const attempts: readonly Attempt[] = [
  ...byName,
  ...byRole,
  ...byFunction,
  ...bySession,
  ...byScope,
  ...byOrm,
  ...byEntity,
];

/**
 * Tries every known way from one tenant's scope to another tenant's rows, or to anything else outside. It changes
 * nothing: what it writes is rolled back.
 *
 * @returns What became of each attempt; an attempt never makes it throw.
 * @throws Error when it cannot begin: a tenant is not served, or has no table.
 * @example
 * const results = await probe(tenancy, orm.em, { as: 'acme', target: 'globex' });
 * const crossed = results.filter(({ outcome }) => outcome === 'crossed');
 */
export async function probe(
  tenancy: Tenancy,
  em: EntityManager,
  { as, target }: ProbeOptions,
): Promise<readonly ProbeResult[]> {
  const ground = await prepareGround(tenancy, em, as, target);
  const results: ProbeResult[] = [];
  // One after the other: some look at what the one before them left on a connection.
  for (const attempt of attempts) results.push(await runInCell(new ScopeCell(), () => make(attempt, ground)));
  return results;
}

async function make({ name, tryIt }: Attempt, ground: Ground): Promise<ProbeResult> {
  try {
    const detail = await tryIt(ground);
    return detail === undefined
      ? { name, outcome: 'refused', detail: 'ran and stayed inside' }
      : { name, outcome: 'crossed', detail };
  } catch (error) {
    const detail = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
    return { name, outcome: isRefusal(error) ? 'refused' : 'not-applicable', detail };
  }
}

/** Only what somebody refused counts as refused: a misspelt statement proves nothing. */
function isRefusal(error: unknown): boolean {
  if (error instanceof NotApplicable) return false;
  const code = translateError(error)?.code;
  if (code !== undefined) return refusals.has(code);
  return error instanceof Error && wayOut.test(error.message);
}

const refusals = new Set([
  'TENANCY_ACCESS_DENIED',
  'TENANCY_SCOPE_MISSING',
  'TENANCY_SCOPE_NOT_TENANT',
  'TENANCY_SCOPE_MISMATCH',
  'TENANCY_SCOPE_REFUSED',
  'TENANCY_STATEMENT_REFUSED',
]);

/** Refusals that have no SQLSTATE of their own: a stacked statement, a table that nobody can see. */
const wayOut = /cannot insert multiple commands|relation ".*" does not exist/;
