import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readLocationNote } from './home.js';
import { type LocalPostgres, type LocalPostgresOptions, startLocalPostgres } from './start-local-postgres.js';
import { countLiveUsers } from './users.js';

const prefix = 'tenantry-pg-';
const abandonedAfterMs = 10 * 60_000;

const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
};

/**
 * A PostgreSQL for tests: empty, in a new temporary directory, fast because a power cut may corrupt it, allowing 200
 * connections, and removed by `stop()`. `settings` come on top of these.
 */
export async function ephemeralPostgres(options: Omit<LocalPostgresOptions, 'dataDir'> = {}): Promise<LocalPostgres> {
  await removeAbandoned();
  const dataDir = await mkdtemp(path.join(tmpdir(), prefix));
  // mkdtemp answers 0700; when root starts the server, its account must pass through to the cluster, itself 0700.
  await chmod(dataDir, 0o711);
  try {
    const postgres = await startLocalPostgres({ ...options, dataDir, settings: { ...settings, ...options.settings } });
    const stop = async () => {
      await postgres.stop();
      await removeData(dataDir);
    };
    return { ...postgres, stop };
  } catch (error) {
    await removeData(dataDir);
    throw error;
  }
}

async function removeData(dataDir: string): Promise<void> {
  const elsewhere = await readLocationNote(dataDir);
  for (const directory of [elsewhere, dataDir]) {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

// What a killed test run left behind: its server may still run.
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const dataDir = path.join(tmpdir(), name);
    const found = await stat(dataDir).catch(() => undefined);
    if (found === undefined || found.uid !== (process.getuid?.() ?? found.uid)) continue;
    if (Date.now() - found.mtimeMs < abandonedAfterMs) continue;
    const control = path.join((await readLocationNote(dataDir)) ?? dataDir, 'control');
    if ((await countLiveUsers(control)) > 0) continue;
    await startLocalPostgres({ dataDir, settings })
      .then((postgres) => postgres.stop())
      .catch(() => undefined);
    await removeData(dataDir);
  }
}
