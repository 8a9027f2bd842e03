import { readdirSync, readFileSync } from 'node:fs';
import type pg from 'pg';

/** Milliseconds of processor time, as the kernel counts them: they do not grow with what else the machine does. */
export interface ProcessorTime {
  readonly service: number;
  readonly postgres: number;
}

/** Ticks per second in `/proc/<pid>/stat`: 100 on every Linux that Node runs on. */
const msPerTick = 10;

/**
 * The processor time that a service's process and all of PostgreSQL's have taken so far. Linux only, with the server on this
 * machine; undefined elsewhere.
 */
export class ProcessorMeter {
  readonly #postmaster: number;

  private constructor(postmaster: number) {
    this.#postmaster = postmaster;
  }

  /** @param admin - A connection to the server: its backend is a child of the process to look for. */
  static async open(admin: pg.Client): Promise<ProcessorMeter | undefined> {
    const { rows } = await admin.query<{ pid: number }>('select pg_backend_pid() as pid');
    const backend = statOf(rows[0]?.pid ?? 0);
    return backend?.command === 'postgres' ? new ProcessorMeter(backend.parent) : undefined;
  }

  read(servicePid: number): ProcessorTime {
    return { service: ofThreads(servicePid), postgres: this.#ofServer() };
  }

  /** The postmaster, its children, and of those that have ended what it was told as it buried them. */
  #ofServer(): number {
    let ms = ofThreads(this.#postmaster) + (statOf(this.#postmaster)?.buriedMs ?? 0);
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      if (pid > 0 && statOf(pid)?.parent === this.#postmaster) ms += ofThreads(pid);
    }
    return ms;
  }
}

/** Of all threads of a process: the first figure of `schedstat` is nanoseconds on a processor. */
function ofThreads(pid: number): number {
  let ns = 0;
  for (const thread of orNothing(() => readdirSync(`/proc/${pid}/task`)) ?? []) {
    const text = orNothing(() => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'));
    ns += Number(text?.split(' ', 1)[0] ?? 0);
  }
  return ns / 1e6;
}

interface Stat {
  readonly command: string;
  readonly parent: number;
  /** Of children that have ended. */
  readonly buriedMs: number;
}

/** Source: `man 5 proc_pid_stat`. A command may have spaces and brackets in it, so fields are counted from its last bracket. */
function statOf(pid: number): Stat | undefined {
  const text = orNothing(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    command: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')),
    parent: Number(fields[1]),
    buriedMs: (Number(fields[13]) + Number(fields[14])) * msPerTick,
  };
}

/** A process may end while it is looked at. */
function orNothing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** What was taken between two readings, for each of so many requests. */
export function perRequest(before: ProcessorTime, after: ProcessorTime, requests: number): ProcessorTime {
  return {
    service: (after.service - before.service) / requests,
    postgres: (after.postgres - before.postgres) / requests,
  };
}
