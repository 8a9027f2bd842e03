import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

function support(name: string): string {
  return fileURLToPath(new URL(`support/${name}`, import.meta.url));
}

async function startStoppable(): Promise<{ child: ChildProcess; lines: Interface }> {
  const args = ['--import', support('typescript-hooks.mjs'), support('stoppable.ts')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  expect(await once(lines, 'line')).toEqual(['running']);
  return { child, lines };
}

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('asks to stop at %s', async (signal) => {
  const { child, lines } = await startStoppable();
  child.kill(signal);
  expect(await once(lines, 'line')).toEqual([`stopping ${signal}`]);
});

it('asks to stop when the process that started it is gone', async () => {
  const { child, lines } = await startStoppable();
  child.disconnect();
  expect(await once(lines, 'line')).toEqual(['stopping disconnect']);
});

it('takes a signal that npm repeats at once for the same key press', async () => {
  const { child, lines } = await startStoppable();
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect(await once(lines, 'line')).toEqual(['stopping SIGINT']);
  child.kill('SIGTERM');
  expect({ code: child.exitCode, signal: child.signalCode }).toEqual({ code: null, signal: null });
});

it('ends at once with exit code 130 at a second Ctrl-C', async () => {
  const { child, lines } = await startStoppable();
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  await once(lines, 'line');
  const pressing = setInterval(() => child.kill('SIGINT'), 100);
  expect(await exited).toEqual([130, null]);
  clearInterval(pressing);
});
