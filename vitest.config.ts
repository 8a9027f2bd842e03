import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { testFiles } from './test/support/mode.js';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // Tests run against the sources, not against the last build.
  resolve: {
    alias: [
      { find: /^tenantry$/, replacement: source('./packages/tenantry/src/index.ts') },
      { find: /^tenantry\/(nest|testing)$/, replacement: source('./packages/tenantry/src/$1/index.ts') },
      { find: /^tenantry\/cli$/, replacement: source('./packages/tenantry/src/cli/config.ts') },
      { find: /^@tenantry\/host$/, replacement: source('./packages/host/src/index.ts') },
      { find: /^@tenantry\/host\/local-postgres$/, replacement: source('./packages/host/src/local-postgres/index.ts') },
    ],
  },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: testFiles.include,
    exclude: [...configDefaults.exclude, ...testFiles.exclude],
    // Tests wait for PostgreSQL more than they compute; on two cores the default is one file at a time.
    maxWorkers: Math.max(2, availableParallelism()),
    // Limits for a hang, not for speed: several files share the machine.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    setupFiles: ['reflect-metadata'],
    globalSetup: ['test/support/global-setup.ts'],
  },
});
