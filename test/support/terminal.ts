import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { describe, TestRunner } from 'vitest';

/** A program on a terminal of its own, as a person has it. */
export interface Terminal {
  /** All that it showed so far, without colours and moves of the cursor. */
  readonly shown: string;
  /** Ctrl-C goes through the terminal, which makes the signal of it. */
  press(key: 'Ctrl-C'): void;
  /** Types a line. */
  type(typed: string): void;
  /** The exit code. */
  readonly ended: Promise<number>;
  /** For a test that failed: ends it. */
  close(): void;
}

/** Starts a program on a pseudo-terminal of 120 columns. */
export function openTerminal(command: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Terminal {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const line = `stty cols 120 rows 40; exec ${quoted}`;
  const child = spawn('script', ['-qefc', line, '/dev/null'], { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  // Gone with the program.
  child.stdin.on('error', () => undefined);
  return {
    get shown() {
      return stripVTControlCharacters(text);
    },
    press: () => void child.stdin.write('\u0003'),
    type: (typed) => void child.stdin.write(`${typed}\r`),
    ended: once(child, 'close').then(([code]) => (code as number | null) ?? -1),
    close: () => void child.kill('SIGKILL'),
  };
}

/** A suite that needs a terminal, from `script` of util-linux. Where it is missing its tests are skipped by name; in CI they fail. */
export function describeOnTerminal(name: string, tests: () => void): void {
  const found = spawnSync('script', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const skips = !found.stdout?.includes('util-linux') && !process.env['CI'];
  describe.skipIf(skips)(name, () => {
    tests();
    if (!skips) return;
    for (const test of TestRunner.getCurrentSuite().tasks)
      console.warn(`Skipped, because util-linux's script is not installed: ${name}: ${test.name}`);
  });
}
