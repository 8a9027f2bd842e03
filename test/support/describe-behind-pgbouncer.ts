import { describe, TestRunner } from 'vitest';
import { findPgBouncer } from './pgbouncer.js';

/** A suite that needs PgBouncer. Where it is not installed its tests are skipped, each by name; in CI they fail. */
export function describeBehindPgBouncer(name: string, tests: () => void): void {
  const skips = findPgBouncer() === undefined && !process.env['CI'];
  describe.skipIf(skips)(name, () => {
    tests();
    if (!skips) return;
    for (const test of TestRunner.getCurrentSuite().tasks)
      console.warn(`Skipped, because PgBouncer is not installed (apt-get install pgbouncer): ${name}: ${test.name}`);
  });
}
