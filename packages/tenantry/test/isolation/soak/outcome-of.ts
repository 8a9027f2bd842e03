import { TenancyError } from '../../../src/errors/tenancy-error.js';
import { errorCauses } from '../../../src/postgres/error-causes.js';
import { sqlstateOf } from '../../../src/postgres/sqlstate.js';

/**
 * How an operation was answered. `done`; `refused`: it had no effect; `lost`: the connection ended before an answer came;
 * `unheard`: nobody waited for the answer, and the connection goes on.
 */
export type Outcome = 'done' | 'refused' | 'lost' | 'unheard';

/** Shutdown, crash, not up yet, idle session; and the connection itself. */
const connectionGone = /^(?:57P0[1-5]|08(?!P01)...)$/;
/** Said before anything was sent. */
const notSent = /timeout exceeded when trying to connect|Prepared statements must be unique/;
const connectionLost =
  /connection (?:terminated|error|timeout)|Client was closed|not queryable|ECONN|EPIPE|server closed|write after end|socket hang|ended by the other party/i;
const unheard = /read timeout|abort/i;

/** What an error says about the fate of the operation that failed with it. Pure. */
export function outcomeOf(error: unknown): { outcome: Outcome; code: string; error: string } {
  const causes = [...errorCauses(error)];
  const state = causes.map(sqlstateOf).find((each) => each !== undefined);
  const tenancy = causes.find((cause): cause is TenancyError => cause instanceof TenancyError);
  const message = error instanceof Error ? error.message : String(error);
  const code = tenancy?.code ?? state ?? (error as { code?: string } | undefined)?.code ?? 'none';
  return { outcome: fate(causes, state, tenancy), code, error: message };
}

function fate(causes: readonly unknown[], state?: string, tenancy?: TenancyError): Outcome {
  if (state !== undefined) return connectionGone.test(state) ? 'lost' : 'refused';
  if (tenancy) return tenancy.code === 'TENANCY_DATABASE_UNAVAILABLE' ? 'lost' : 'refused';
  const messages = causes.map((cause) => (cause instanceof Error ? `${cause.name} ${cause.message}` : String(cause)));
  if (messages.some((message) => notSent.test(message))) return 'refused';
  if (messages.some((message) => connectionLost.test(message))) return 'lost';
  if (messages.some((message) => unheard.test(message))) return 'unheard';
  return causes.some((cause) => cause instanceof TypeError) ? 'refused' : 'unheard';
}
