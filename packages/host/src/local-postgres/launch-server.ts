import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../startup-error.js';
import { freePort } from './free-port.js';
import type { Home } from './home.js';
import { writePrivateFile } from './owned-files.js';
import { readPostmaster, recordPostmaster } from './postmaster.js';
import { serverEnvironment } from './server-environment.js';
import { openServerLog, reasonIn, type ServerLog } from './server-log.js';

const startLimitMs = 120_000;
const attempts = 60;
const stillRecovering = 'still recovering';

/** Starts the server on a port that is free and answers the port once it accepts connections. */
export async function launchServer(home: Home, settings: Readonly<Record<string, string>>): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const log = await openServerLog(home.control);
    try {
      const port = await freePort(await readPort(home));
      const outcome = await launch(home, port, settings, log);
      if (outcome === 'ready') {
        await writePrivateFile(portFile(home), String(port));
        return port;
      }
      const output = await log.readNew();
      if (attempt === attempts || !isPassing(output)) throw refusal(home, outcome, output, log.file);
    } finally {
      await log.close();
    }
    await sleep(250);
  }
}

async function launch(
  home: Home,
  port: number,
  settings: Readonly<Record<string, string>>,
  log: ServerLog,
): Promise<string> {
  const all = { ...settings, listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(home.binaries.postgres, ['-D', home.cluster, ...flags], {
    ...(home.account && { uid: home.account.uid, gid: home.account.gid }),
    cwd: home.root,
    env: serverEnvironment(),
    stdio: ['ignore', log.fd, log.fd],
    // Its own session: Ctrl-C in the terminal must reach the services first and the database last.
    detached: true,
    windowsHide: true,
  });
  const ended = endOf(server);
  server.unref();
  if (server.pid === undefined) return ended;
  await recordPostmaster(home, server.pid);
  return Promise.race([ended, untilReady(home, server.pid)]);
}

function endOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(error.message));
    server.once('exit', (code, signal) => resolve(`exit code ${code ?? signal}`));
  });
}

async function untilReady(home: Home, pid: number): Promise<string> {
  const stepMs = 10;
  for (let waitedMs = 0; waitedMs < startLimitMs; waitedMs += stepMs) {
    const postmaster = await readPostmaster(home);
    if (postmaster?.pid === pid && postmaster.isReady) return 'ready';
    await sleep(stepMs);
  }
  return stillRecovering;
}

// A backend of a killed server may still finish its statement; another process may have taken the port just now.
function isPassing(output: string): boolean {
  return /pre-existing shared memory block|could not create any TCP\/IP sockets/.test(output);
}

function refusal(home: Home, outcome: string, output: string, file: string): StartupError {
  if (outcome === stillRecovering) {
    const seconds = startLimitMs / 1000;
    return new StartupError(
      'DATA_DIR_UNUSABLE',
      `PostgreSQL is still recovering ${home.cluster} after ${seconds} s; start again later, or see ${file}.`,
    );
  }
  const reason = reasonIn(output) ?? outcome;
  return new StartupError(
    'DATA_DIR_UNUSABLE',
    `PostgreSQL did not start on the data directory ${home.cluster} (${reason}); repair or move it, choose another with TENANTRY_DATA_DIR, or set DATABASE_URL. The log is ${file}.`,
  );
}

async function readPort(home: Home): Promise<number | undefined> {
  const port = Number(await readFile(portFile(home), 'utf8').catch(() => ''));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

function portFile(home: Home): string {
  return path.join(home.control, 'port');
}
