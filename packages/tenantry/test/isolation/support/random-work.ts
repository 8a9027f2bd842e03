import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import fc from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import type pg from 'pg';
import { Widget } from '../../../../../test/support/widgets.js';
import type { Tenancy } from '../../../src/tenancy.js';

const plain = [
  'find',
  'raw',
  'kysely',
  'write',
  'bulk',
  'fail',
  'role',
  'path',
  'timeout',
  'abort',
  'cancel',
  'pause',
] as const;

/** Something that code of one tenant does. */
export type Step =
  | { readonly kind: (typeof plain)[number] }
  | {
      readonly kind: 'transaction';
      readonly steps: readonly Step[];
      readonly undone: boolean;
      readonly serializable: boolean;
    }
  | { readonly kind: 'inside'; readonly tenant: number; readonly steps: readonly Step[] }
  | { readonly kind: 'stray'; readonly tenant: number };

/** One task: steps in one tenant's scope, one after the other. */
export interface Task {
  readonly tenant: number;
  readonly steps: readonly Step[];
}

/** Tasks that run at the same time, with transactions in transactions (savepoints) and scopes in scopes. */
export function randomTasks(tenants: number): fc.Arbitrary<Task[]> {
  const tenant = fc.nat(tenants - 1);
  const { step } = fc.letrec<{ step: Step }>((tie) => {
    const steps = fc.array(tie('step'), { minLength: 1, maxLength: 4 });
    return {
      step: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom(...plain) }) },
        {
          weight: 3,
          arbitrary: fc.record({
            kind: fc.constant('transaction' as const),
            steps,
            undone: fc.boolean(),
            serializable: fc.boolean(),
          }),
        },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('inside' as const), tenant, steps }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('stray' as const), tenant }) },
      ),
    };
  });
  return fc.array(fc.record({ tenant, steps: fc.array(step, { minLength: 1, maxLength: 5 }) }), {
    minLength: 2,
    maxLength: 12,
  });
}

/** Where tasks run, and what they see. */
export interface Workshop {
  readonly tenancy: Tenancy;
  readonly orm: MikroORM;
  readonly admin: pg.Pool;
  readonly tenants: readonly string[];
  /** Rows of one tenant that another one saw, with what saw them. */
  readonly foreign: string[];
}

/** Runs one task. Statements may fail, that is what they are for; what they see is looked at. */
export async function runTask(workshop: Workshop, { tenant, steps }: Task): Promise<void> {
  const id = workshop.tenants[tenant] ?? '';
  await workshop.tenancy.run(id, () => runSteps(workshop, id, workshop.orm.em.fork(), steps));
}

async function runSteps(workshop: Workshop, tenant: string, em: EntityManager, steps: readonly Step[]): Promise<void> {
  for (const step of steps) await runStep(workshop, tenant, em, step).catch(() => undefined);
}

async function runStep(workshop: Workshop, tenant: string, em: EntityManager, step: Step): Promise<void> {
  const { tenancy, foreign } = workshop;
  const look = (how: string, rows: readonly { name: string }[]) => {
    for (const { name } of rows) if (name !== tenant) foreign.push(`${how} as ${tenant} saw a row of ${name}`);
  };
  switch (step.kind) {
    case 'find':
      return look('em.find', await em.fork({ keepTransactionContext: true }).find(Widget, {}, { limit: 20 }));
    case 'raw':
      return look('raw SQL', await em.execute('select name from widget limit 20'));
    case 'kysely':
      return look(
        'Kysely',
        await em.getKysely<{ widget: { name: string } }>().selectFrom('widget').select('name').limit(20).execute(),
      );
    case 'write':
      em.create(Widget, { name: tenant });
      return em.flush();
    case 'bulk':
      return void (await em.insertMany(Widget, [{ name: tenant }, { name: tenant }]));
    case 'transaction':
      return em.transactional(
        async (inner) => {
          await runSteps(workshop, tenant, inner, step.steps);
          if (step.undone) throw new Error('undone');
        },
        step.serializable ? { isolationLevel: IsolationLevel.SERIALIZABLE } : {},
      );
    case 'inside':
      return runTask(workshop, step);
    case 'stray': {
      // Another tenant's code is handed this one's connection, perhaps in a transaction.
      const other = workshop.tenants[step.tenant] ?? '';
      const reading = em.getKysely<{ widget: { name: string } }>().selectFrom('widget').select('name').limit(20);
      return tenancy.run(other, async () => {
        for (const { name } of await reading.execute())
          if (name !== other) foreign.push(`a stray query as ${other} saw a row of ${name}`);
      });
    }
    default:
      return runTrouble(workshop, tenant, em, step.kind);
  }
}

async function runTrouble(
  { admin, tenants }: Workshop,
  tenant: string,
  em: EntityManager,
  kind: (typeof plain)[number],
): Promise<void> {
  const next = tenants[(tenants.indexOf(tenant) + 1) % tenants.length] ?? '';
  switch (kind) {
    case 'fail':
      return void (await em.execute('select 1 / 0'));
    case 'role':
      return void (await em.execute(`set local role ${next}_shop`));
    case 'path':
      return void (await em.execute(`set local search_path to ${next}_shop`));
    case 'timeout':
      return void (await em.execute('select pg_sleep(5)'));
    case 'abort': {
      const signal = AbortSignal.timeout(5);
      return void (await em.execute('select pg_sleep(5)', [], { signal, inflightQueryAbortStrategy: 'cancel query' }));
    }
    case 'cancel': {
      const [row] = await em.execute<{ pid: number }[]>('select pg_backend_pid() as pid');
      const cancelling = admin.query('select pg_cancel_backend($1)', [row?.pid]);
      return void (await Promise.allSettled([em.execute('select pg_sleep(5)'), cancelling]));
    }
    default:
      return turn();
  }
}
