import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

function run(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const hooks = './packages/host/test/support/typescript-hooks.mjs';
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', hooks, 'scripts/soak.ts', ...args],
      { cwd: root },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

it('ends with 0 when nothing was found, and says what it did', async () => {
  const { code, stdout } = await run('--operations', '150', '--seed', '7', '--without', 'disturb');
  expect(stdout).toMatch(/^\d+ operations: .*\n0 foreign rows, 0 lost writes, 0 connections that hang/);
  expect(code).toBe(0);
}, 120_000);

it.each([['--operations', 'many'], ['--tenants', '1'], ['--unknown']])(
  'ends with 2 when it is not understood: %s %s',
  async (...args) => {
    const { code, stderr } = await run(...args);
    expect(stderr).toContain('error:');
    expect(code).toBe(2);
  },
);

it('explains itself', async () => {
  const { code, stdout } = await run('--help');
  expect(stdout).toContain('Exit codes: 0');
  expect(code).toBe(0);
});
