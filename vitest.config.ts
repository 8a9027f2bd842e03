import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

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
    include: ['{packages,apps}/*/{src,test}/**/*.test.ts', 'test/**/*.test.ts'],
    // Tests wait for PostgreSQL more than they compute; on two cores the default is one file at a time.
    maxWorkers: Math.max(2, availableParallelism()),
    // Limits for a hang, not for speed: several files share the machine.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    setupFiles: ['reflect-metadata'],
    globalSetup: ['test/support/global-setup.ts'],
  },
});
