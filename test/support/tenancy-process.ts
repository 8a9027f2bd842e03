import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TenancyOptions } from '../../packages/tenantry/src/options.js';

type What =
  | {
      readonly what: 'start';
      readonly options: Omit<TenancyOptions, 'migrations' | 'shared' | 'logger'>;
      readonly columns?: number;
    }
  | { readonly what: 'sign up' | 'run'; readonly ids: readonly string[] }
  | {
      readonly what: 'tenant';
      readonly command: 'archive' | 'restore' | 'rename' | 'erase';
      readonly id: string;
      readonly to?: string;
      /** Where the process ends itself by `kill -9`: at this event, of this step. */
      readonly dieAt?: { readonly type: string; readonly step?: string | undefined };
    }
  | { readonly what: 'reconcile' | 'stop' };

/** What a {@link TenancyProcess} is told. */
export type Order = What & { readonly seq: number };

interface Answer {
  readonly seq: number;
  readonly value?: unknown;
  readonly error?: string;
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The service `shop` in an operating system process of its own, which can be killed. */
export class TenancyProcess {
  readonly #child: ChildProcess;
  #seq = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Loads the library; nothing is connected yet. */
  static async launch(): Promise<TenancyProcess> {
    const hooks = path('../../packages/host/test/support/typescript-hooks.mjs');
    const child = fork(path('tenancy-program.ts'), [], { execArgv: ['--import', hooks] });
    await once(child, 'message');
    return new TenancyProcess(child);
  }

  /** @throws Error with the code of the error in the other process. */
  async tell(what: What): Promise<unknown> {
    const seq = ++this.#seq;
    const answered = new Promise<Answer>((resolve, reject) => {
      const listen = (answer: Answer) => {
        if (answer.seq !== seq) return;
        this.#child.off('message', listen);
        resolve(answer);
      };
      this.#child.on('message', listen);
      this.#child.once('exit', () => reject(new Error('The process ended.')));
    });
    this.#child.send({ ...what, seq });
    const { value, error } = await answered;
    if (error !== undefined) throw new Error(error);
    return value;
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.tell({ what: 'stop' });
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
