import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../startup-error.js';
import { localUrl, servesCluster } from './connect.js';
import { withControlLock } from './control-lock.js';
import { type Home, settleHome } from './home.js';
import { initialiseCluster, passwordFile } from './initialise-cluster.js';
import { launchServer } from './launch-server.js';
import { findRunningPostmaster } from './postmaster.js';
import { stopServer } from './stop-server.js';
import { countLiveUsers, registerUser, type Registration } from './users.js';

export interface LocalPostgresOptions {
  /** Where the data is kept between starts. Created when missing. */
  readonly dataDir: string;
  /** Server settings, such as `{ max_connections: '200' }`. A server that already runs keeps the ones it has. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Receives one line for each step that takes noticeable time. @default nothing is said */
  readonly log?: (line: string) => void;
}

/** One use of a local PostgreSQL server that several processes may share. */
export interface LocalPostgres {
  /** Of the superuser, password included, database `postgres`. */
  readonly url: string;
  /** On 127.0.0.1. */
  readonly port: number;
  /** As asked for. */
  readonly dataDir: string;
  /** PostgreSQL's own directory; below `dataDir` unless root had to place it elsewhere. */
  readonly clusterDir: string;
  /** Holds the superuser's password; only the owner of the data may read it. */
  readonly passwordFile: string;
  /** Whether the server already ran. */
  readonly joined: boolean;
  /** Ends this use. The last one of all processes also stops the server. Calling it again does nothing more. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL of a data directory, or joins it when it already runs.
 *
 * @example
 * const postgres = await startLocalPostgres({ dataDir: '.tenantry' });
 * try {
 *   await work(postgres.url);
 * } finally {
 *   await postgres.stop();
 * }
 *
 * @throws StartupError when the directory or the machine does not allow it; the message says what to change.
 */
export async function startLocalPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const dataDir = path.resolve(options.dataDir);
  const home = await settleHome(dataDir);
  return withControlLock(home.control, async () => {
    const registration = await registerUser(home.control);
    try {
      const joined = await join(home);
      const url = joined ?? (await start(home, options));
      const port = Number(new URL(url).port);
      const stop = stopOnce(home, registration);
      const files = { clusterDir: home.cluster, passwordFile: passwordFile(home) };
      return { url, port, dataDir, ...files, joined: joined !== undefined, stop };
    } catch (error) {
      await registration.withdraw();
      throw error;
    }
  });
}

async function start(home: Home, { settings = {}, log }: LocalPostgresOptions): Promise<string> {
  log?.(`starting PostgreSQL ${home.binaries.major} on ${home.cluster}`);
  const password = await initialiseCluster(home, settings.fsync !== 'off');
  return localUrl(await launchServer(home, settings), password);
}

// A server without a living user is one whose users were killed: it is joined like any other.
async function join(home: Home): Promise<string | undefined> {
  const limitMs = 60_000;
  const stepMs = 50;
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += stepMs) {
    const postmaster = await findRunningPostmaster(home);
    if (postmaster === undefined) return undefined;
    if (postmaster.isReady) {
      const password = await readFile(passwordFile(home), 'utf8').catch(() => '');
      const url = localUrl(postmaster.port, password);
      if (await servesCluster(home, url)) return url;
    }
    // It is still starting, recovering or stopping; under our lock nobody else changes that.
    await sleep(stepMs);
  }
  const pid = (await findRunningPostmaster(home))?.pid;
  throw new StartupError(
    'DATA_DIR_UNUSABLE',
    `Process ${pid} holds the data directory ${home.cluster} but does not answer as our PostgreSQL; stop it, or choose another data directory with TENANTRY_DATA_DIR.`,
  );
}

function stopOnce(home: Home, registration: Registration): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  const stop = () =>
    withControlLock(home.control, async () => {
      await registration.withdraw();
      if ((await countLiveUsers(home.control)) === 0) await stopServer(home);
    });
  return () => (stopped ??= stop());
}
