import { type Line, sendOn, type TaskRun } from './line.js';
import type { Step } from './steps.js';
import { begins, commits, levels, rollbacks } from './texts.js';

/** Begins a transaction by text, works in it, and ends it in one of the ways that there are. */
export async function runTransaction(
  run: TaskRun,
  line: Line,
  step: Extract<Step, { kind: 'transaction' }>,
  work: () => Promise<void>,
): Promise<void> {
  const [text, level] = begins[step.begin % begins.length] ?? ['begin'];
  const mode = levels[step.mode];
  const { awaited, end } = step;
  const asked = mode === undefined ? level : 'unknown';
  const begin = sendOn(run, line, 'begin', text, { ...(asked !== undefined && { level: asked }), awaited });
  if (awaited) await begin;
  else run.stragglers.push(begin.catch(() => undefined));
  if (mode !== undefined) await sendOn(run, line, 'other', mode).catch(() => undefined);
  await work();
  if (end === 'none') return;
  const texts = end.startsWith('commit') ? commits : rollbacks;
  const [kind] = end.split(' ', 1) as ['commit' | 'rollback'];
  const plain = texts[(step.begin + step.mode) % texts.length] ?? kind;
  if (end === kind) return void (await sendOn(run, line, kind, plain));
  await sendOn(run, line, kind, end, { chain: true });
  await work();
  await sendOn(run, line, kind, kind);
}

/** A savepoint, which is released or gone back to. */
export async function sendSavepoint(
  run: TaskRun,
  line: Line,
  undone: boolean,
  work: () => Promise<void>,
): Promise<void> {
  const name = `s${run.history.nextId}`;
  await sendOn(run, line, 'savepoint', `savepoint ${name}`, { name });
  await work();
  if (undone) await sendOn(run, line, 'rollback to', `rollback to ${name}`, { name });
  else await sendOn(run, line, 'release', `release savepoint ${name}`, { name });
}
