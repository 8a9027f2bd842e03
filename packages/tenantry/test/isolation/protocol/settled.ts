import { setImmediate as turn } from 'node:timers/promises';
import type { ScriptedServer } from './scripted-server.js';

/** Turns of the event loop without a message after which nothing comes any more by itself. */
const quietTurns = 16;

/** Whether a promise settles before everything has come to rest; where the run may wait, also by the time that passes then. */
export async function settled(server: ScriptedServer, promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const finish = () => (done = true);
  promise.then(finish, finish);
  for (let quiet = 0; !done;) {
    await turn();
    quiet = server.quiet ? quiet + 1 : 0;
    if (quiet < quietTurns) continue;
    if (!server.mayWait || !server.clock.pass()) break;
    quiet = 0;
  }
  return done;
}
