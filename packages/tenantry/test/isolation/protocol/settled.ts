import { setImmediate as turn } from 'node:timers/promises';
import type { ScriptedServer } from './scripted-server.js';

/** Turns of the event loop without a message after which nothing can come any more: there are no timers in these runs. */
const quietTurns = 16;

/** Whether a promise settles before everything has come to rest. */
export async function settled(server: ScriptedServer, promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const finish = () => (done = true);
  promise.then(finish, finish);
  for (let quiet = 0; !done && quiet < quietTurns; quiet = server.quiet ? quiet + 1 : 0) await turn();
  return done;
}
