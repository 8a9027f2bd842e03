import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Home } from './home.js';
import { findRunningPostmaster, hasEnded } from './postmaster.js';
import { serverEnvironment } from './server-environment.js';

const fastLimitMs = 30_000;
const immediateLimitMs = 15_000;

/**
 * Stops the server: sessions are ended and everything is written (fast shutdown); if that takes longer than 30 s,
 * without writing, and the next start recovers from the log.
 */
export async function stopServer(home: Home): Promise<void> {
  const postmaster = await findRunningPostmaster(home);
  if (postmaster === undefined) return;
  await send(home, postmaster.pid, 'fast');
  if (await hasEnded(postmaster.pid, fastLimitMs)) return;
  await send(home, postmaster.pid, 'immediate');
  if (await hasEnded(postmaster.pid, immediateLimitMs)) return;
  throw new Error(`PostgreSQL (process ${postmaster.pid}, ${home.cluster}) does not stop`);
}

async function send(home: Home, pid: number, mode: 'fast' | 'immediate'): Promise<void> {
  if (process.platform === 'win32') {
    // Windows has no such signals; pg_ctl reaches the server another way.
    const args = ['kill', mode === 'fast' ? 'INT' : 'QUIT', String(pid)];
    await promisify(execFile)(home.binaries.pgCtl, args, { env: serverEnvironment(), windowsHide: true }).catch(
      () => undefined,
    );
    return;
  }
  try {
    process.kill(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
