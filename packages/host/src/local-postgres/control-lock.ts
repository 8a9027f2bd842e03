import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../startup-error.js';
import { giveToOwnerOfParent } from './owned-files.js';

const retryMs = 25;
const giveUpAfterMs = 180_000;

/**
 * Runs `work` while no other process or thread holds the lock of this control directory. The kernel holds the lock for
 * us (an SQLite file lock: the only one that Node reaches on every platform) and frees it when its owner dies, so there
 * are no stale locks to detect and no race in breaking one.
 */
export async function withControlLock<T>(control: string, work: () => Promise<T>): Promise<T> {
  const file = path.join(control, 'lock');
  const lock = await acquire(file);
  try {
    await giveToOwnerOfParent(file);
    return await work();
  } finally {
    lock.close();
  }
}

async function acquire(file: string): Promise<DatabaseSync> {
  const lock = new DatabaseSync(file);
  for (let waitedMs = 0; waitedMs < giveUpAfterMs; waitedMs += retryMs) {
    try {
      lock.exec('begin exclusive');
      return lock;
    } catch (error) {
      if (!isBusy(error)) {
        lock.close();
        throw error;
      }
      await sleep(retryMs);
    }
  }
  lock.close();
  throw new StartupError(
    'DATA_DIR_UNUSABLE',
    `Another process has been starting or stopping the database for ${giveUpAfterMs / 1000} s and holds ${file}; end it, or choose another data directory with TENANTRY_DATA_DIR.`,
  );
}

function isBusy(error: unknown): boolean {
  const SQLITE_BUSY = 5;
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
