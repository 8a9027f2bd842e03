import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a copy process does. */
export interface CopyOrder {
  readonly url: string;
  /** Of the service `shop`, by name: statements. */
  readonly migrations: Readonly<Record<string, readonly string[]>>;
  readonly what: 'export' | 'import' | 'clone';
  readonly id: string;
  readonly file?: string;
  readonly to?: string;
}

interface Message {
  readonly progress?: string;
  readonly share?: number;
  readonly value?: { readonly rows: number; readonly bytes?: number };
  readonly maxRssMb?: number;
  readonly error?: string;
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** An export, import or clone in an operating system process of its own. */
export class CopyProcess {
  readonly #child: ChildProcess;

  /** @param heapMb - Most megabytes that its JavaScript objects may take. */
  constructor(order: CopyOrder, heapMb = 64) {
    const hooks = path('../../../../host/test/support/typescript-hooks.mjs');
    const execArgv = ['--import', hooks, `--max-old-space-size=${heapMb}`];
    this.#child = fork(path('copy-program.ts'), [], { execArgv });
    this.#child.send(order);
  }

  /** Resolves when it is that far, or over. */
  async reaches(phase: string, share = 0): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#child.on('message', (message: Message) => {
        if (message.progress === undefined || (message.progress === phase && (message.share ?? 0) >= share)) resolve();
      });
      this.#child.once('exit', () => resolve());
    });
  }

  /** @throws Error when it failed. */
  async done(): Promise<Message> {
    const answer = await new Promise<Message>((resolve, reject) => {
      this.#child.on('message', (message: Message) => {
        if (message.progress === undefined) resolve(message);
      });
      this.#child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const ended =
      this.#child.exitCode === null && this.#child.signalCode === null ? once(this.#child, 'exit') : undefined;
    this.#child.kill('SIGKILL');
    await ended;
  }
}
