import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../startup-error.js';
import type { Home } from './home.js';
import { giveToOwnerOfParent, writePrivateFile } from './owned-files.js';
import { serverEnvironment } from './server-environment.js';

const draftPrefix = 'init-';

/**
 * Runs initdb unless there is a cluster of the right version. Answers the password of the superuser `postgres`.
 * Without `isDurable` a power cut soon after may lose it.
 */
export async function initialiseCluster(home: Home, isDurable: boolean): Promise<string> {
  await removeDrafts(home);
  const entries = await readdir(home.cluster).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unusable(home, `cannot be read (${error.code ?? error.message})`, error);
  });
  if (entries === undefined) return createCluster(home, isDurable);
  await refuseOtherVersion(home);
  try {
    return await readFile(passwordFile(home), 'utf8');
  } catch (cause) {
    throw unusable(home, `has lost its password file ${passwordFile(home)}`, cause);
  }
}

/** Only the owner of `control` can read it. */
export function passwordFile(home: Home): string {
  return path.join(home.control, 'password');
}

async function refuseOtherVersion(home: Home): Promise<void> {
  const version = (await readFile(path.join(home.cluster, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version === String(home.binaries.major)) return;
  throw unusable(
    home,
    version === ''
      ? 'is damaged or holds something else than a PostgreSQL cluster'
      : `was made by PostgreSQL ${version}, and this is PostgreSQL ${home.binaries.major}`,
  );
}

// A draft becomes the cluster by one rename at the very end, so a process killed in between leaves nothing half made.
async function createCluster(home: Home, isDurable: boolean): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  await writePrivateFile(passwordFile(home), password);
  const draft = await mkdtemp(path.join(home.root, draftPrefix));
  try {
    const input = path.join(draft, 'password');
    await writeFile(input, password, { mode: 0o600 });
    for (const made of [draft, input]) {
      if (home.account === undefined) await giveToOwnerOfParent(made);
      else await chown(made, home.account.uid, home.account.gid);
    }
    const cluster = path.join(draft, 'pg');
    await runInitdb(home, ['-D', cluster, '--pwfile', input, ...(isDurable ? [] : ['--no-sync'])]);
    await rename(cluster, home.cluster);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return password;
}

function runInitdb(home: Home, args: readonly string[]): Promise<void> {
  const fixed = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions'];
  const initdb = spawn(home.binaries.initdb, [...fixed, ...args], {
    ...(home.account && { uid: home.account.uid, gid: home.account.gid }),
    cwd: home.root,
    env: serverEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own session: Ctrl-C in the terminal must not look like a failure of initdb.
    detached: true,
    windowsHide: true,
  });
  let output = '';
  initdb.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  initdb.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: Error) =>
      reject(unusable(home, `could not be initialised (${reason})`, cause));
    initdb.once('error', (error) => fail(error.message, error));
    initdb.once('close', (code) => {
      if (code === 0) resolve();
      else fail(/^initdb: error: (.*)$/m.exec(output)?.[1] ?? output.trim().split('\n').at(-1) ?? `exit code ${code}`);
    });
  });
}

async function removeDrafts(home: Home): Promise<void> {
  for (const name of await readdir(home.root)) {
    if (name.startsWith(draftPrefix)) await rm(path.join(home.root, name), { recursive: true, force: true });
  }
}

function unusable(home: Home, condition: string, cause?: unknown): StartupError {
  return new StartupError(
    'DATA_DIR_UNUSABLE',
    `The data directory ${home.cluster} ${condition}; move it away, choose another with TENANTRY_DATA_DIR, or set DATABASE_URL.`,
    { cause },
  );
}
