import type pg from 'pg';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { type StatementError, shortened } from './failure-of.js';
import { type BlockedBackend, describeTransactions, readBlocked } from './open-transaction.js';

/** Milliseconds after which a wait is looked at for the first time, and again. */
const lookEveryMs = 2000;

/** Milliseconds from which a wait is told, and looks between two times. */
const tellFromMs = 1000;
const tellEvery = 5;

/** What an error says that ended a wait. */
const endings = new Set<string | undefined>([
  sqlstate.lockNotAvailable,
  sqlstate.queryCanceled,
  sqlstate.deadlockDetected,
]);

/**
 * Looks at a backend while it works, so that who was waited for can be named: PostgreSQL says only that the time was over.
 * It borrows a connection of the owner role for each look, and looks only where one is free.
 */
export class WaitWatch {
  readonly #owner: pg.Pool;
  readonly #tell: (blocked: BlockedBackend) => void;

  /** @param tell - Hears of a wait that has lasted for a second or more, and about every ten seconds after. */
  constructor(owner: pg.Pool, tell: (blocked: BlockedBackend) => void = () => undefined) {
    this.#owner = owner;
    this.#tell = tell;
  }

  /**
   * @param client - The connection that may wait.
   * @param limitMs - How long it waits for a lock at most; 0 is no limit.
   * @param statement - What it waits for a lock for. @default what PostgreSQL says that it runs
   * @throws What the code throws; the error of a wait that was ended says what it `waited` for.
   */
  async during<T>(client: pg.ClientBase, limitMs: number, run: () => Promise<T>, statement?: string): Promise<T> {
    const { processID } = client as unknown as { processID: number };
    let last: BlockedBackend | undefined;
    let looking: Promise<void> = Promise.resolve();
    let told = 0;
    const look = async () => {
      if (!this.#isFree()) return;
      const found = await readBlocked(this.#owner, processID).catch(() => undefined);
      if (!found) return;
      const blocked = { ...found, statement: statement ?? found.statement };
      last = blocked;
      if (blocked.waitedMs >= tellFromMs && told++ % tellEvery === 0) this.#tell(blocked);
    };
    const everyMs = limitMs > 0 ? Math.min(lookEveryMs, Math.max(50, limitMs / 3)) : lookEveryMs;
    const timer = setInterval(() => {
      looking = looking.then(look);
    }, everyMs);
    try {
      return await run();
    } catch (error) {
      clearInterval(timer);
      await looking;
      if (error instanceof Error && endings.has(sqlstateOf(error)) && last) {
        (error as StatementError).waited = describeWait(last);
        (error as StatementError).statement ??= last.statement;
      }
      throw error;
    } finally {
      clearInterval(timer);
      await looking;
    }
  }

  /** Whether a connection is free: a look must not take one from whoever works. */
  #isFree(): boolean {
    const { idleCount, totalCount, waitingCount, options } = this.#owner;
    return waitingCount === 0 && (idleCount > 0 || totalCount < (options.max ?? 10));
  }
}

/** A wait in one sentence. Pure. */
export function describeWait({ statement, lock, by }: BlockedBackend): string {
  const holders = by.length === 0 ? 'somebody who has just released it' : describeTransactions(by);
  return `"${shortened(statement)}" waited for ${lock}, held by ${holders}`;
}
