import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type LoadedConfig, loadConfig, type CliDatabase } from './config.js';
import { UsageError } from './usage-error.js';

/** How a command ended: 0 all is as asked; 1 something failed; 2 wrong usage, nothing changed; 3 a rollout was halted. */
export type ExitCode = 0 | 1 | 2 | 3;

/** What all commands share. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** What a command works with; nothing in a command touches `process` itself. */
export class CliContext {
  readonly #globals: GlobalOptions;
  readonly #stopping = new AbortController();
  #watched: NodeJS.WriteStream | undefined;
  #unread = false;
  #loaded: Promise<LoadedConfig> | undefined;
  /** Set by the command. */
  exitCode: ExitCode = 0;

  constructor(globals: GlobalOptions) {
    this.#globals = globals;
  }

  /** Machines read the output: one JSON document, or one JSON line per event, on stdout and nothing else there. */
  get json(): boolean {
    return this.#globals.json ?? false;
  }

  /** A person watches: progress bars make sense. */
  get terminal(): boolean {
    return process.stderr.isTTY && !this.json;
  }

  /** Aborted by the first Ctrl-C: what is in flight ends, nothing new begins. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  interrupt(): void {
    this.#stopping.abort();
  }

  /** Prints a line of the command's answer to stdout. */
  out(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  /** A part of a long answer; waits while whoever reads it is slower. When nobody reads any more the command ends. */
  async write(text: string): Promise<void> {
    if (text === '' || this.#unread) return;
    if (this.#watched !== process.stdout) {
      this.#watched = process.stdout;
      process.stdout.on('error', () => {
        this.#unread = true;
        this.interrupt();
      });
    }
    if (process.stdout.write(text)) return;
    await Promise.race([once(process.stdout, 'drain'), once(process.stdout, 'close')]).catch(() => undefined);
  }

  /** Prints progress, and what a person should know, to stderr. */
  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  /** Stdout, for bytes instead of lines; `undefined` when it is a terminal. */
  pipedOut(): Writable | undefined {
    return process.stdout.isTTY ? undefined : process.stdout;
  }

  pipedIn(): Readable {
    return process.stdin;
  }

  load(): Promise<LoadedConfig> {
    this.#loaded ??= loadConfig(process.cwd(), this.#globals.config);
    return this.#loaded;
  }

  /** Runs code with the config's database, and stops it afterwards. */
  async withDatabase<T>(fn: (database: CliDatabase & LoadedConfig) => Promise<T>): Promise<T> {
    const loaded = await this.load();
    const database = (await loaded.config.database?.()) ?? databaseOf(process.env);
    try {
      return await fn({ ...database, ...loaded });
    } finally {
      await database.stop?.();
    }
  }

  /** Waits until everything written has left: a pipe takes a moment. */
  async flushed(): Promise<void> {
    for (const stream of [process.stdout, process.stderr]) if (stream.writableNeedDrain) await once(stream, 'drain');
  }
}

function databaseOf(env: NodeJS.ProcessEnv): CliDatabase {
  const url = env['DATABASE_URL'];
  if (!url) throw new UsageError('DATABASE_URL is not set; set it, or give the config a `database`.');
  return { url, ownerUrl: env['DATABASE_OWNER_URL'] };
}
