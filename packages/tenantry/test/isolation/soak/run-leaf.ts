import { setImmediate as turn } from 'node:timers/promises';
import { disturb } from './disturb.js';
import { channelAt, type Line, onLine, readOn, type TaskRun, tenantAt, writeOn } from './line.js';
import { answerOf } from './read-channels.js';
import { runTrouble } from './run-trouble.js';
import { type Leaf, lastingStatements } from './steps.js';
import { deleteText, writeText } from './texts.js';

/** Runs one statement or call. It may fail, that is what it is for; what came of it is in the history. */
export async function runLeaf(run: TaskRun, line: Line | undefined, leaf: Leaf): Promise<void> {
  if (leaf.kind === 'pause') return turn();
  if (leaf.kind === 'disturb') return disturb(run, leaf.what, tenantAt(run, leaf.other));
  if (run.skips(leaf.kind)) return;
  if (line) return runOn(run, line, leaf);
  // A statement of its own: by the pool, by the ORM, or on a connection that is taken for it alone.
  const id = run.history.newLine();
  const { pool } = run.world;
  const way = leaf.how % 3;
  const how = Math.floor(leaf.how / 3);
  if (way === 0) return runOn(run, { id, source: { kind: 'pool', pool } }, { ...leaf, how });
  if (way === 1) return runOn(run, { id, source: { kind: 'orm', em: run.world.em() } }, { ...leaf, how });
  const client = await pool.connect();
  try {
    await runOn(run, { id, source: { kind: 'client', client } }, { ...leaf, how });
  } finally {
    client.release();
  }
}

async function runOn(run: TaskRun, line: Line, leaf: Exclude<Leaf, { kind: 'pause' | 'disturb' }>): Promise<void> {
  const other = tenantAt(run, leaf.other);
  const table = `${run.world.schemaOf(other)}.entry`;
  switch (leaf.kind) {
    case 'read':
      return readOn(run, line, leaf.how);
    case 'write':
      return writeOn(run, line, leaf.how);
    case 'delete':
      return deleteOn(run, line, leaf.how);
    case 'foreign read':
      return readOn(run, line, leaf.how, table);
    case 'foreign write':
      return foreignWrite(run, line, leaf.how, table);
    case 'lasting': {
      if (run.skips(`lasting:${leaf.what}`)) return;
      const text = lastingStatements[leaf.what](run.world.schemaOf(other));
      const [name, send] = channelAt(run, line, leaf.how);
      return void (await onLine(run, line, ['other', `${text} by ${name}`], async () => {
        await send(text);
      }));
    }
    default:
      return run.skips(`trouble:${leaf.what}`) ? undefined : runTrouble(run, line, leaf, other);
  }
}

async function deleteOn(run: TaskRun, line: Line, how: number): Promise<void> {
  const token = run.known[how % Math.max(1, run.known.length)];
  if (token === undefined) return;
  const [name, send] = channelAt(run, line, how);
  const asked = run.history.nextId;
  const act = async () => answerOf(await send(deleteText(asked, token)));
  await onLine(run, line, ['delete', `delete ${token} by ${name}`], act, { tokens: [token] });
}

async function foreignWrite(run: TaskRun, line: Line, how: number, table: string): Promise<void> {
  const [name, send] = channelAt(run, line, how);
  const asked = run.history.nextId;
  const token = `${run.tenant}/${asked}/0`;
  const act = async () => answerOf(await send(writeText(asked, token, table)));
  await onLine(run, line, ['write', `write to ${table} by ${name}`], act, { tokens: [token] });
}
