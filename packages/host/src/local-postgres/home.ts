import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { access, constants, cp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../startup-error.js';
import { type Binaries, findBinaries, relocate, whyNotRunnable } from './binaries.js';
import { makeDirectory } from './owned-files.js';
import { serverAccount, type ServerAccount } from './server-account.js';

/** Where one local PostgreSQL lives, and as whom it runs. */
export interface Home {
  /** Holds `cluster` and `control`: the data directory that was asked for, or the fallback of {@link settleHome}. */
  readonly root: string;
  /** PostgreSQL's own data directory. */
  readonly cluster: string;
  /** Our files: password, port, lock, users, log. */
  readonly control: string;
  /** `undefined`: the caller's own account. */
  readonly account: ServerAccount | undefined;
  readonly binaries: Binaries;
}

const fallbackBase = '/var/lib/tenantry';
const noteName = 'location.txt';

/**
 * Makes `dataDir` ready to hold a cluster. For root the server runs as another account, which may be unable to reach
 * a clone below `/root`; then programs and data go below `/var/lib/tenantry` and a note in `dataDir` says where.
 * Nobody's permissions are ever loosened.
 */
export async function settleHome(dataDir: string): Promise<Home> {
  try {
    await makeDirectory(dataDir, 0o755);
    const account = await chooseAccount(dataDir);
    const root = await chooseRoot(dataDir, account);
    await makeDirectory(path.join(root, 'control'), 0o700);
    await access(path.join(root, 'control'), constants.W_OK);
    const binaries = await runnableBinaries(await findBinaries(), account);
    return { root, cluster: path.join(root, 'pg'), control: path.join(root, 'control'), account, binaries };
  } catch (cause) {
    if (cause instanceof StartupError) throw cause;
    const { code = cause, path: where = dataDir } = cause as NodeJS.ErrnoException;
    throw new StartupError(
      'DATA_DIR_UNUSABLE',
      `The data directory ${dataDir} cannot be used (${String(code)} at ${where}); make it writable, choose another with TENANTRY_DATA_DIR, or set DATABASE_URL.`,
      { cause },
    );
  }
}

/** Where the cluster of a data directory lies if {@link settleHome} had to move it away. */
export async function readLocationNote(dataDir: string): Promise<string | undefined> {
  const note = await readFile(path.join(dataDir, noteName), 'utf8').catch(() => '');
  return note.split('\n')[0]?.trim() || undefined;
}

async function chooseAccount(dataDir: string): Promise<ServerAccount | undefined> {
  const owners: number[] = [];
  for (const directory of [path.join(dataDir, 'pg'), dataDir]) {
    const found = await stat(directory).catch(() => undefined);
    if (found !== undefined) owners.push(found.uid);
  }
  const account = serverAccount(owners);
  if (account === 'self') return undefined;
  if (account !== 'none') return account;
  throw new StartupError(
    'POSTGRES_UNAVAILABLE',
    'PostgreSQL does not run as root and this system has no account "postgres" or "nobody"; start as an ordinary user, or set DATABASE_URL.',
  );
}

async function chooseRoot(dataDir: string, account: ServerAccount | undefined): Promise<string> {
  if (account === undefined) return dataDir;
  const noted = await readLocationNote(dataDir);
  if (noted === undefined && (await canEnter(account, dataDir))) return dataDir;
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  const root = noted ?? path.join(fallbackBase, 'data', hash);
  await makeDirectory(root, 0o755);
  if (noted === undefined) {
    const why = `The account "${account.name}", which PostgreSQL runs as when root starts it, cannot enter this directory.`;
    await writeFile(
      path.join(dataDir, noteName),
      `${root}\n\nThe data lies there. ${why}\nRemove both to begin with an empty database.\n`,
    );
  }
  return root;
}

// Asked of the kernel as that account; permission bits alone do not tell (ACLs, other directories on the way).
function canEnter(account: ServerAccount, directory: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { uid: account.uid, gid: account.gid, cwd: '/' };
    execFile('/bin/sh', ['-c', 'test -x "$1"', 'sh', directory], options, (error) => resolve(error === null));
  });
}

async function runnableBinaries(binaries: Binaries, account: ServerAccount | undefined): Promise<Binaries> {
  let obstacle = await whyNotRunnable(binaries, account);
  if (obstacle === undefined) return binaries;
  if (account !== undefined) {
    const copy = await copyBinaries(binaries);
    obstacle = await whyNotRunnable(copy, account);
    if (obstacle === undefined) return copy;
  }
  throw new StartupError(
    'POSTGRES_UNAVAILABLE',
    `The embedded PostgreSQL does not run on this machine (${obstacle}); set DATABASE_URL to a server of your own.`,
  );
}

async function copyBinaries(binaries: Binaries): Promise<Binaries> {
  const copy = relocate(binaries, path.join(fallbackBase, 'binaries', binaries.build));
  const isComplete = await stat(copy.root).then(
    () => true,
    () => false,
  );
  if (isComplete) return copy;
  const draft = `${copy.root}.${randomUUID()}.draft`;
  await makeDirectory(path.dirname(copy.root), 0o755);
  try {
    await cp(binaries.root, draft, { recursive: true, verbatimSymlinks: true });
    await rename(draft, copy.root);
  } catch (error) {
    // ENOTEMPTY, EEXIST: another process finished the same copy first, which is what we wanted.
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}
