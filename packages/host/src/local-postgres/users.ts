import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory, writePrivateFile } from './owned-files.js';
import { processIdentity } from './process-identity.js';

/** One registered use of the server by this process. A process may hold several. */
export interface Registration {
  withdraw(): Promise<void>;
}

/** Registers a use as `users/<pid>-<unique>`, whose content tells this process from a later one with the same pid. */
export async function registerUser(control: string): Promise<Registration> {
  const users = path.join(control, 'users');
  await makeDirectory(users, 0o700);
  const file = path.join(users, `${process.pid}-${randomUUID().slice(0, 8)}`);
  await writePrivateFile(file, (await processIdentity(process.pid)) ?? '');
  return { withdraw: () => rm(file, { force: true }) };
}

/** Counts the registered uses whose process still runs and forgets the others. Call it under the control lock. */
export async function countLiveUsers(control: string): Promise<number> {
  const users = path.join(control, 'users');
  let live = 0;
  for (const name of await readdir(users).catch(() => [])) {
    const file = path.join(users, name);
    const registered = await readFile(file, 'utf8').catch(() => '');
    const running = await processIdentity(Number.parseInt(name, 10));
    if (running !== undefined && running === registered) live += 1;
    else await rm(file, { force: true });
  }
  return live;
}
