// Loaded before a test file of node-postgres (`node --require`), also in the processes which that file starts: it runs on
// the `pg` that is installed here and, where a scope is given, on the gate's classes in that scope.
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import type pg from 'pg';
import { type FileSetting, settingVariable } from './file-setting.ts';

type Resolve = (request: string, parent: unknown, isMain: boolean, options: unknown) => string;
type Load = (request: string, parent: unknown, isMain: boolean) => unknown;

// The parts of Node's own loader that its types leave out.
const loader = Module as unknown as { _resolveFilename: Resolve; _load: Load };
const require = createRequire(import.meta.url);
const { checkout, gate }: FileSetting = JSON.parse(process.env[settingVariable] ?? '{}');

/** The installed packages that stand for the project's own: entry file, and directory. */
const installed = new Map(
  ['pg', 'pg-pool', 'pg-cursor', 'pg-types'].map((name) => {
    const entry = require.resolve(name);
    const below = path.join('node_modules', name);
    return [name, { entry, directory: entry.slice(0, entry.lastIndexOf(below) + below.length) }];
  }),
);

resolveToInstalled();
if (gate) useGate(gate);

/** Whatever a test asks of the project's own packages, it gets from the installed ones. */
function resolveToInstalled(): void {
  const { _resolveFilename: resolve } = loader;
  const own = path.join(checkout, 'packages') + path.sep;
  loader._resolveFilename = (request, parent, isMain, options) => {
    const bare = installed.get(request);
    if (bare) return bare.entry;
    const file = resolve(request, parent, isMain, options);
    if (!file.startsWith(own)) return file;
    const [name = '', ...rest] = file.slice(own.length).split(path.sep);
    const ours = installed.get(name);
    return !ours || rest[0] === 'test' || rest[0] === 'node_modules' ? file : path.join(ours.directory, ...rest);
  };
}

function useGate({ scope, options }: NonNullable<FileSetting['gate']>): void {
  const built = (file: string): unknown => require(`../../packages/tenantry/dist/${file}.js`);
  const { ScopedClient } = built(
    'isolation/scoped-client',
  ) as typeof import('../../packages/tenantry/src/isolation/scoped-client.js');
  const { ScopedPool } = built(
    'isolation/scoped-pool',
  ) as typeof import('../../packages/tenantry/src/isolation/scoped-pool.js');
  const { runInScope } = built(
    'context/current-scope',
  ) as typeof import('../../packages/tenantry/src/context/current-scope.js');

  class Client extends ScopedClient {
    constructor(config?: string | pg.ClientConfig) {
      const given = typeof config === 'string' ? { connectionString: config } : config;
      super({ ...given, gate: options });
    }
  }
  class Pool extends ScopedPool {
    constructor(config?: pg.PoolConfig) {
      const { poolSize = 10 } = (config ?? {}) as { poolSize?: number };
      super({ max: poolSize, connectionTimeoutMillis: 0, ...config, gate: options });
    }
  }
  Object.assign(require('pg') as object, { Client, Pool });
  replace(path.join(installed.get('pg')?.directory ?? '', 'lib/client.js'), Client);
  replace(installed.get('pg-pool')?.entry ?? '', Pool);

  const { _load: load } = loader;
  loader._load = (request, parent, isMain) =>
    isMain ? runInScope(scope, () => load(request, parent, isMain)) : load(request, parent, isMain);
}

/** What everybody gets who asks for this file from now on. */
function replace(file: string, exported: unknown): void {
  require(file);
  const loaded = require.cache[file];
  if (loaded) loaded.exports = exported;
}
