import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../../..');

/** How a program ended. */
export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of `scripts/`, as npm runs it. The build has to be there: `npm test` makes it. */
export class Program {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ending>;
  #stdout = '';
  #stderr = '';

  constructor(script: string, env: Record<string, string>, args: readonly string[] = [], cwd: string = root) {
    this.#child = spawn(process.execPath, [`scripts/${script}.ts`, ...args], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.ended = once(this.#child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  /** Resolves to what was printed so far, once that contains `text`. */
  async printed(text: string): Promise<string> {
    while (!this.#stdout.includes(text)) {
      const more = await Promise.race([once(this.#child.stdout ?? this.#child, 'data'), this.ended]);
      if ('code' in more) throw new Error(`It ended without printing "${text}":\n${more.stdout}${more.stderr}`);
    }
    return this.#stdout;
  }

  /** Kills the child whose command line contains `text`, as the kernel does when memory runs out. */
  async killChild(text: string): Promise<void> {
    const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,args=']);
    const lines = stdout.split('\n').map((line) => line.trim().split(/\s+/));
    const child = lines.find(
      ([, parent, ...args]) => Number(parent) === this.#child.pid && args.join(' ').includes(text),
    );
    process.kill(Number(child?.[0]), 'SIGKILL');
  }

  signal(signal: NodeJS.Signals): Promise<Ending> {
    this.#child.kill(signal);
    return this.ended;
  }
}
