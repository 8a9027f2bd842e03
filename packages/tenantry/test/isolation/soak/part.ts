import { setImmediate as turn } from 'node:timers/promises';
import type pg from 'pg';
import Cursor from 'pg-cursor';
import { type Line, readOn, sendOn, type TaskRun, writeOn } from './line.js';
import type { Parting } from './steps.js';

/** Gives a connection back: as it should be, or in one of the states that careless code leaves it in. */
export async function part(run: TaskRun, line: Line, parting: Parting, client: pg.PoolClient): Promise<void> {
  if (!run.skips(`parting:${parting}`)) await leave(run, line, parting, client).catch(() => undefined);
  run.history.note({
    task: run.task,
    tenant: run.tenant,
    line: line.id,
    kind: 'let go',
    what: `given back, ${parting}`,
  });
  client.release(parting === 'destroyed' ? true : undefined);
  if (run.skips(`parting:${parting}`)) return;
  if (parting === 'released twice') release(client);
  if (parting !== 'used afterwards') return;
  const late: Line = { ...line, late: true };
  for (let use = 0; use < 2; use++) {
    run.stragglers.push(
      readOn(run, late, 0).catch(() => undefined),
      writeOn(run, late, 0).catch(() => undefined),
    );
    await turn();
  }
}

async function leave(run: TaskRun, line: Line, parting: Parting, client: pg.PoolClient): Promise<void> {
  const later = (promise: Promise<unknown>) => void run.stragglers.push(promise.catch(() => undefined));
  const begin = () => sendOn(run, line, 'begin', 'begin');
  switch (parting) {
    case 'in a transaction':
      await begin();
      return writeOn(run, line, 0);
    case 'in a failed transaction':
      await begin();
      await writeOn(run, line, 0);
      return void (await sendOn(run, line, 'other', 'select 1 / 0'));
    case 'with a read in flight':
      return later(readOn(run, line, 0));
    case 'with a write in flight':
      return later(writeOn(run, line, 0));
    case 'with a begin in flight':
      return later(
        sendOn(run, line, 'begin', 'begin isolation level serializable', { level: 'serializable', awaited: false }),
      );
    case 'with a commit in flight':
      await begin();
      await writeOn(run, line, 0);
      return later(sendOn(run, line, 'commit', 'commit'));
    case 'with a cursor open': {
      const cursor = client.query(new Cursor('select token from entry'));
      return void (await cursor.read(1));
    }
    default:
  }
}

/** The pool says so itself, by a throw. */
function release(client: pg.PoolClient): void {
  try {
    client.release();
  } catch {
    // That is its right.
  }
}
