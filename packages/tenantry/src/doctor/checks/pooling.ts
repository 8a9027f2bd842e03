import type { DoctorFacts } from '../doctor-facts.js';
import type { DoctorFinding } from '../doctor-finding.js';

/** Whether what is between a process and PostgreSQL is known to it. Pure. */
export function* checkPooling({ pooling, serving, server }: DoctorFacts): Iterable<DoctorFinding> {
  const { serving: before, listening, tracked } = pooling;
  if (before === 'transaction' && !serving.transactionPooler) {
    yield {
      code: 'POOLER_UNDECLARED',
      severity: 'weak',
      sentence:
        'DATABASE_URL leads through a pooler in transaction mode, and processes prepare statements by name as if it did not: these are refused when they meet on one backend.',
      change: 'Set `transactionPooler: true`.',
    };
  }
  if (listening === 'transaction' || listening === 'unclear') {
    const sure = listening === 'transaction';
    yield {
      code: 'LISTENS_THROUGH_POOLER',
      severity: sure ? 'weak' : 'note',
      sentence: `The connection that listens leads through a pooler${sure ? ' in transaction mode' : ''}, where notifications ${sure ? 'are' : 'may be'} lost: a tenant that is suspended is served until \`cache.ttlMs\` is over.`,
      change: 'Set `listenUrl` to a direct URL, or to `false`.',
    };
  }
  if (listening === 'nowhere') {
    yield {
      code: 'LISTENS_TO_NOTHING',
      severity: 'note',
      sentence:
        'No connection listens: a tenant that is suspended is served until `cache.ttlMs` is over, and nothing wakes the reconciler.',
      change: 'Set `listenUrl` to a direct URL.',
    };
  }
  yield* ofTracked(tracked ?? [], server.version);
}

/**
 * `track_extra_parameters` looks like a wall and is not one: PostgreSQL before 18 does not tell a pooler of a changed
 * search path, and no version tells it of a role.
 */
function* ofTracked(tracked: readonly string[], version: number): Iterable<DoctorFinding> {
  const names = tracked.filter((name) => name === 'search_path' || name === 'role');
  if (names.length === 0) return;
  const inert = names.filter((name) => name === 'role' || version < 180_000);
  const unneeded = 'Nothing of Tenantry relies on it';
  yield inert.length > 0
    ? {
        code: 'TRACKED_PARAMETERS_INERT',
        severity: 'unsafe',
        sentence: `PgBouncer tracks ${inert.join(' and ')} (track_extra_parameters), which PostgreSQL ${Math.floor(version / 10_000)} does not report: the setting does nothing, and whoever relies on it hands one tenant's setting to another. ${unneeded}.`,
        change: `Take ${inert.join(' and ')} out of track_extra_parameters, and change whatever needed it.`,
      }
    : {
        code: 'TRACKED_PARAMETERS_UNNEEDED',
        severity: 'note',
        sentence: `PgBouncer tracks ${names.join(' and ')} (track_extra_parameters). ${unneeded}: it keeps no tenant's rows from another.`,
        change: `Take ${names.join(' and ')} out of track_extra_parameters, unless something else needs it.`,
      };
}
