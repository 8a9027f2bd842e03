import { sqlstateOf } from '../postgres/sqlstate.js';

/** Stopped by an administrator, crashed, starting, database dropped, idle too long: source, PostgreSQL manual, appendix A. */
const ending = new Set(['57P01', '57P02', '57P03', '57P04', '57P05']);

/** Whether an error of PostgreSQL says that it ends the session, for a reason that lies in no statement of it. Pure. */
export function endsSession(error: Error): boolean {
  return ending.has(sqlstateOf(error) ?? '');
}
