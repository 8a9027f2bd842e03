import type { Findings } from './findings.js';
import type { Standing } from './fates.js';
import type { Operation } from './history.js';

/** Judges a refusal: what nobody disturbed must not be refused, and what has no transaction cannot be in a failed one. */
export function checkRefusal(
  { disturbances, operations, report }: Findings,
  operation: Operation,
  standing: Standing,
): void {
  const { outcome, code, tenant, late, line, answered = Infinity, what, error } = operation;
  if (outcome !== 'refused' || late) return;
  if (code === 'TENANCY_SCOPE_REFUSED') {
    // The reason of a refusal lasts as long as its transaction, and so at most as long as the line.
    const since = operations.find((each) => each.line === line)?.begun ?? 0;
    const disturbed = disturbances.some(
      (each) => each.tenant === tenant && each.begun < answered && since < (each.answered ?? Infinity),
    );
    // A function that deallocates takes the gate's own prepared statement with it: whoever comes next may be told so.
    const forgotten =
      /prepared statement/.test(error ?? '') && operations.some(({ what: each }) => each.includes('forgetful'));
    // PostgreSQL's own race between a grant and whoever counts memberships: the gate asks a new connection, but not for a stream, and not
    // for every request.
    const stale = disturbances.length > 0 && /permission denied to set role/.test(error ?? '');
    if (!disturbed && !forgotten && !stale) report('needless refusal', `${what} of ${tenant}: ${error}`, operation);
  }
  // The ORM's own guards speak of an EntityManager, and are no word of the connection's.
  const crossed = code === 'TENANCY_SCOPE_MISMATCH' && error?.startsWith('A transaction');
  if (standing.transaction === undefined && (code === '25P02' || crossed))
    report('wrong transaction', `${what} of ${tenant} met a transaction that is not its own: ${error}`, operation);
}
