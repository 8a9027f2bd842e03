import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inject } from 'vitest';
import { freePort } from '../../packages/host/src/local-postgres/free-port.js';
import { serverAccount } from '../../packages/host/src/local-postgres/server-account.js';

/** A pooler in transaction mode before the tests' server. */
export interface PgBouncer {
  /** The same database and login, through the pooler. */
  through(url: string): string;
  /** Ends it and removes its files. Its backends are connections to the databases: stop it before those are dropped. */
  stop(): Promise<void>;
}

/** The program, where it is installed; Debian keeps it off the path of ordinary users. */
export function findPgBouncer(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => path.join(folder, 'pgbouncer')).find(isExecutable);
}

/**
 * Starts one in a temporary folder and on a port of its own; it lets in whom the server would let in.
 *
 * @param backends - For each pair of database and login.
 */
export async function startPgBouncer(backends = 1): Promise<PgBouncer> {
  const program = findPgBouncer();
  if (program === undefined) throw new Error('PgBouncer is not installed: apt-get install pgbouncer');
  const account = serverAccount([]);
  if (account === 'none') throw new Error('PgBouncer refuses to run as root, and this system has no other account');
  const port = await freePort(undefined);
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-pgbouncer-'));
  const files = { 'pgbouncer.ini': settings({ program, folder, port, backends }), 'logins.txt': superuser() };
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(folder, name), content, { mode: 0o600 });
  const runAs = account === 'self' ? undefined : { uid: account.uid, gid: account.gid };
  if (runAs) for (const name of ['', ...Object.keys(files)]) await chown(path.join(folder, name), runAs.uid, runAs.gid);
  const child = spawn(program, [path.join(folder, 'pgbouncer.ini')], {
    ...runAs,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = endOf(child);
  const stop = async () => {
    // It waits for open transactions, and a failed test may have left one.
    child.kill('SIGINT');
    const giveUp = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(giveUp);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilUp(child, ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return { through: (url) => at(url, port), stop };
}

interface Place {
  readonly program: string;
  readonly folder: string;
  readonly port: number;
  readonly backends: number;
}

function settings({ program, folder, port, backends }: Place): string {
  const server = new URL(inject('serverUrl'));
  return `
[databases]
* = host=${server.hostname} port=${server.port || 5432}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = ${backends}
max_client_conn = 200
; Logins are made while it runs, so it asks the server for what proves them.
auth_type = scram-sha-256
auth_file = ${path.join(folder, 'logins.txt')}
auth_user = ${decodeURIComponent(server.username)}
${canFollowNames(program) ? 'max_prepared_statements = 0' : ''}
`;
}

/** From 1.21 on it can follow statements that were prepared by name, which would hide that somebody prepares them. */
function canFollowNames(program: string): boolean {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}

/** The one login that it knows by itself, as its file of logins has it. */
function superuser(): string {
  const { username, password } = new URL(inject('serverUrl'));
  return `${[username, password].map((part) => `"${decodeURIComponent(part).replaceAll('"', '""')}"`).join(' ')}\n`;
}

function at(url: string, port: number): string {
  const pooled = new URL(url);
  [pooled.hostname, pooled.port] = ['127.0.0.1', String(port)];
  return pooled.href;
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`exit code ${code ?? signal}`));
  });
}

async function untilUp(child: ChildProcess, ended: Promise<string>): Promise<void> {
  let log = '';
  const up = new Promise<void>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('process up')) resolve();
    });
  });
  const refused = ended.then((how) => {
    throw new Error(`PgBouncer did not start (${how}):\n${log}`);
  });
  await Promise.race([up, refused]);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
