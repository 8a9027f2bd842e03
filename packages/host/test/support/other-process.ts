import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a process that uses the server says about its start. */
export interface Report {
  url?: string;
  joined?: boolean;
  error?: string;
}

/** A second process that starts, or joins, the PostgreSQL of a data directory. */
export class OtherProcess {
  readonly #child: ChildProcess;
  readonly started: Promise<Report>;

  constructor(dataDir: string) {
    const hooks = fileURLToPath(new URL('typescript-hooks.mjs', import.meta.url));
    const program = fileURLToPath(new URL('server-user.ts', import.meta.url));
    this.#child = fork(program, [dataDir], { execArgv: ['--import', hooks] });
    this.started = once(this.#child, 'message').then(([report]) => report as Report);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.send('stop');
    await ended;
  }

  async kill(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
