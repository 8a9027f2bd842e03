import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { processIdentity } from '../../src/local-postgres/process-identity.js';

const made: string[] = [];

/** A new data directory; {@link removeDataDirs} removes it. */
export async function newDataDir(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenantry-host-test-'));
  await chmod(directory, 0o711);
  made.push(directory);
  return path.join(directory, 'data');
}

/** Ends servers that a failed test left running, removes every directory, and says whose server was still running. */
export async function removeDataDirs(): Promise<string[]> {
  const leftovers: string[] = [];
  for (const directory of made.splice(0)) {
    const pid = await postmasterPid(path.join(directory, 'data'));
    if (pid !== undefined && (await isRunning(pid))) {
      leftovers.push(directory);
      process.kill(pid, 'SIGQUIT');
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
  return leftovers;
}

export async function postmasterPid(dataDir: string): Promise<number | undefined> {
  const text = await readFile(path.join(dataDir, 'pg', 'postmaster.pid'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

export async function isRunning(pid: number): Promise<boolean> {
  return (await processIdentity(pid)) !== undefined;
}

export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
