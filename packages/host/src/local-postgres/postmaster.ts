import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Home } from './home.js';
import { writePrivateFile } from './owned-files.js';
import { processIdentity } from './process-identity.js';

/** What the server says about itself in `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** Reads the server's own file; `undefined` when there is none. It may be left over from a server that was killed. */
export async function readPostmaster(home: Home): Promise<Postmaster | undefined> {
  const text = await readFile(path.join(home.cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  // One fact per line: pid, directory, start time, port, socket directory, address, shared memory, status.
  const lines = text.split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  if (!(pid > 0)) return undefined;
  return { pid, port: Number.parseInt(lines[3] ?? '', 10), isReady: lines[7]?.trim() === 'ready' };
}

/** The server that runs on this cluster, found again even when all of its users were killed. */
export async function findRunningPostmaster(home: Home): Promise<Postmaster | undefined> {
  const postmaster = await readPostmaster(home);
  if (postmaster === undefined) return undefined;
  const running = await processIdentity(postmaster.pid);
  if (running === undefined) return undefined;
  const recorded = await readFile(identityFile(home), 'utf8').catch(() => '');
  if (recorded.startsWith(`${postmaster.pid} `) && recorded !== `${postmaster.pid} ${running}`) {
    // The pid was given to another process since. PostgreSQL would take that one for a running server and not start.
    await rm(path.join(home.cluster, 'postmaster.pid'), { force: true });
    return undefined;
  }
  return postmaster;
}

/** Remembers which run of which process the server is. */
export async function recordPostmaster(home: Home, pid: number): Promise<void> {
  await writePrivateFile(identityFile(home), `${pid} ${(await processIdentity(pid)) ?? ''}`);
}

/** Resolves to whether the process ended within `limitMs`. */
export async function hasEnded(pid: number, limitMs: number): Promise<boolean> {
  const stepMs = 20;
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += stepMs) {
    if ((await processIdentity(pid)) === undefined) return true;
    await sleep(stepMs);
  }
  return (await processIdentity(pid)) === undefined;
}

function identityFile(home: Home): string {
  return path.join(home.control, 'postmaster');
}
