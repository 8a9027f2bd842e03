import { IsolationLevel } from '@mikro-orm/core';
import type { Kysely } from 'kysely';
import type { SoakTables } from './channels.js';
import { type Line, onLine, type TaskRun, tenantAt } from './line.js';
import { part } from './part.js';
import { runLeaf } from './run-leaf.js';
import { runTransaction, sendSavepoint } from './run-transaction.js';
import type { Leaf, Step, Task } from './steps.js';

/** Runs one task in its tenant's scope. */
export async function runTask(
  run: Omit<TaskRun, 'tenant' | 'known' | 'stragglers'>,
  { tenant, steps }: Task,
): Promise<void> {
  const id = run.world.tenants[tenant % run.world.tenants.length] ?? '';
  await runAs({ ...run, tenant: id, known: [], stragglers: [] }, undefined, steps);
}

/** Runs steps as a tenant, and waits for what they did not wait for. */
async function runAs(run: TaskRun, line: Line | undefined, steps: readonly Step[]): Promise<void> {
  await run.world.as(run.tenant, () => runSteps(run, line, steps));
  await Promise.allSettled(run.stragglers);
}

/** One after the other; what fails stops nothing. */
export async function runSteps(run: TaskRun, line: Line | undefined, steps: readonly Step[]): Promise<void> {
  for (const step of steps) await runStep(run, line, step).catch(() => undefined);
}

async function runStep(run: TaskRun, line: Line | undefined, step: Step): Promise<void> {
  if (run.skips(step.kind)) return;
  switch (step.kind) {
    case 'client':
      // Whoever holds a connection and asks for another waits for those who do the same: that is for `inside` to try.
      if (line) return runSteps(run, line, step.steps);
      return onClient(run, step.parting, (own) => runSteps(run, own, step.steps));
    case 'transaction':
      if (line?.source.kind === 'orm') return inOrm(run, line, { ...step, level: 0, undone: step.end !== 'commit' });
      if (line) return runTransaction(run, line, step, () => runSteps(run, line, step.steps));
      return onClient(run, 'kept', (own) => runTransaction(run, own, step, () => runSteps(run, own, step.steps)));
    case 'savepoint':
      return inSavepoint(run, line, step);
    case 'orm':
      if (line && line.source.kind !== 'orm') return runSteps(run, line, step.steps);
      return inOrm(run, line, step);
    case 'kysely':
      if (line) return runSteps(run, line, step.steps);
      return onKysely(run, step.steps);
    case 'together':
      return together(run, line, step.steps);
    case 'inside':
      return runAs({ ...run, tenant: tenantAt(run, step.tenant), known: [], stragglers: [] }, undefined, step.steps);
    case 'stray':
      return runAs({ ...run, tenant: tenantAt(run, step.tenant), known: [], stragglers: [] }, line, step.steps);
    default:
      return runLeaf(run, line, step);
  }
}

async function onClient(
  run: TaskRun,
  parting: Parameters<typeof part>[2],
  fn: (line: Line) => Promise<void>,
): Promise<void> {
  const client = await run.world.pool.connect();
  const line: Line = { id: run.history.newLine(), source: { kind: 'client', client } };
  await fn(line).catch(() => undefined);
  await part(run, line, parting, client);
}

async function inSavepoint(
  run: TaskRun,
  line: Line | undefined,
  step: Extract<Step, { kind: 'savepoint' }>,
): Promise<void> {
  if (!line) return onClient(run, 'kept', (own) => inSavepoint(run, own, step));
  if (line.source.kind === 'orm') return inOrm(run, line, { ...step, level: 0 });
  await sendSavepoint(run, line, step.undone, () => runSteps(run, line, step.steps));
}

class Undone extends Error {}

/** `em.transactional`: in another one it is a savepoint. */
async function inOrm(
  run: TaskRun,
  outer: Line | undefined,
  { steps, level, undone }: { readonly steps: readonly Step[]; readonly level: number; readonly undone: boolean },
): Promise<void> {
  const em = outer?.source.kind === 'orm' ? outer.source.em : run.world.em();
  const id = outer?.id ?? run.history.newLine();
  const isolationLevel = [undefined, IsolationLevel.SERIALIZABLE, IsolationLevel.REPEATABLE_READ][level];
  const name = `orm ${run.history.nextId}`;
  const { promise: begun, resolve: begin, reject: neverBegan } = Promise.withResolvers<void>();
  const { promise: done, resolve: fn } = Promise.withResolvers<Line>();
  const { promise: worked, resolve: finish } = Promise.withResolvers<void>();
  const transaction = em.transactional(
    async (inner) => {
      begin();
      fn({ id, source: { kind: 'orm', em: inner } });
      await worked;
      if (undone) throw new Undone('undone');
    },
    isolationLevel && !outer ? { isolationLevel } : {},
  );
  transaction.catch(neverBegan);
  const line: Line = { id, source: { kind: 'orm', em } };
  const opens = outer
    ? onLine(run, line, ['savepoint', 'em.transactional, inside'], () => begun, { name })
    : onLine(run, line, ['begin', 'em.transactional'], () => begun, isolationLevel ? { level: isolationLevel } : {});
  await opens;
  await runSteps(run, await done, steps);
  const kind = undone ? (outer ? 'rollback to' : 'rollback') : outer ? 'release' : 'commit';
  await onLine(
    run,
    line,
    [kind, 'the end of em.transactional'],
    async () => {
      finish();
      await transaction.catch((error: unknown) => {
        if (!(error instanceof Undone)) throw error;
      });
    },
    { name },
  );
}

/** A connection of Kysely's own, on which code sends texts as it likes. */
async function onKysely(run: TaskRun, steps: readonly Step[]): Promise<void> {
  const kysely = run.world.em().getKysely() as unknown as Kysely<SoakTables>;
  const line = run.history.newLine();
  const letGo = { task: run.task, tenant: run.tenant, line, kind: 'let go' as const, what: 'Kysely gives it back' };
  await kysely.connection().execute(async (connection) => {
    await runSteps(run, { id: line, source: { kind: 'kysely', kysely: connection } }, steps);
    run.history.note(letGo);
  });
}

/** Sends all of them before any is answered. */
async function together(run: TaskRun, line: Line | undefined, steps: readonly Leaf[]): Promise<void> {
  if (!line) return onClient(run, 'kept', (own) => together(run, own, steps));
  // A data layer sends them in an order of its own: what ends the transaction could come before or after the rest.
  const ends = (step: Leaf) => step.kind === 'trouble' && (step.what === 'commit' || step.what === 'rollback');
  const sent = line.source.kind === 'client' ? steps : steps.filter((step) => !ends(step));
  await Promise.allSettled(sent.map((step) => runLeaf(run, line, step)));
}
