import fc from 'fast-check';
import {
  disturbances,
  endings,
  type Leaf,
  type Lasting,
  lastingStatements,
  type Parting,
  partings,
  type Step,
  type Task,
  troubles,
} from './steps.js';
import { begins, levels } from './texts.js';

/** Tasks that run at the same time: transactions in transactions, scopes in scopes, and everything that goes wrong. */
export function randomTasks({
  tenants,
  most,
}: {
  readonly tenants: number;
  readonly most: number;
}): fc.Arbitrary<Task[]> {
  const tenant = fc.nat(tenants - 1);
  const leaf = randomLeaf(tenant);
  const { step } = fc.letrec<{ step: Step }>((tie) => {
    const steps = fc.array(tie('step'), { minLength: 1, maxLength: 4 });
    return {
      step: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { weight: 10, arbitrary: leaf },
        { weight: 3, arbitrary: fc.record({ kind: fc.constant('transaction' as const), ...randomTransaction, steps }) },
        {
          weight: 2,
          arbitrary: fc.record({ kind: fc.constant('orm' as const), steps, level: fc.nat(2), undone: rarely }),
        },
        { weight: 2, arbitrary: fc.record({ kind: fc.constant('client' as const), steps, parting: randomParting }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('savepoint' as const), steps, undone: fc.boolean() }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('kysely' as const), steps }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('inside' as const), tenant, steps }) },
        {
          weight: 1,
          arbitrary: fc.record({
            kind: fc.constant('together' as const),
            steps: fc.array(leaf, { minLength: 2, maxLength: 5 }),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            kind: fc.constant('stray' as const),
            tenant,
            steps: fc.array(leaf, { minLength: 1, maxLength: 2 }),
          }),
        },
      ),
    };
  });
  const task = fc.record({ tenant, steps: fc.array(step, { minLength: 1, maxLength: 5 }) });
  return fc.array(task, { minLength: 1, maxLength: most, size: 'max' });
}

const rarely = fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

const randomTransaction = {
  begin: fc.nat(begins.length - 1),
  mode: fc.oneof(
    { weight: 4, arbitrary: fc.constant(levels.length) },
    { weight: 1, arbitrary: fc.nat(levels.length - 1) },
  ),
  awaited: rarely.map((value) => !value),
  end: fc.oneof(
    { weight: 4, arbitrary: fc.constant(endings[0]) },
    { weight: 3, arbitrary: fc.constantFrom(...endings) },
  ),
};

/** For an answer that does not come the gate waits a second. */
const slow = 'with a cursor open';
const randomParting = fc.oneof(
  { weight: 40, arbitrary: fc.constant(partings[0]) },
  { weight: 30, arbitrary: fc.constantFrom(...partings.filter((parting) => parting !== slow)) },
  { weight: 1, arbitrary: fc.constant<Parting>(slow) },
);

function randomLeaf(other: fc.Arbitrary<number>): fc.Arbitrary<Leaf> {
  const how = fc.nat(99);
  const plain = (kind: 'read' | 'write' | 'delete' | 'foreign read' | 'foreign write') =>
    fc.record({ kind: fc.constant(kind), how, other }) as fc.Arbitrary<Leaf>;
  const lasting = fc.constantFrom(...(Object.keys(lastingStatements) as Lasting[]));
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 300, arbitrary: plain('read') },
    { weight: 300, arbitrary: plain('write') },
    { weight: 80, arbitrary: plain('delete') },
    { weight: 60, arbitrary: plain('foreign read') },
    { weight: 30, arbitrary: plain('foreign write') },
    {
      weight: 150,
      arbitrary: fc.record({ kind: fc.constant('trouble' as const), what: fc.constantFrom(...troubles), how, other }),
    },
    {
      weight: 50,
      arbitrary: fc.record({ kind: fc.constant('trouble' as const), what: fc.constant('cross' as const), how, other }),
    },
    { weight: 80, arbitrary: fc.record({ kind: fc.constant('lasting' as const), what: lasting, how, other }) },
    { weight: 40, arbitrary: fc.record({ kind: fc.constant('pause' as const) }) },
    { weight: 3, arbitrary: disturb('kill', other) },
    { weight: 2, arbitrary: disturb('revoke', other) },
    { weight: 1, arbitrary: disturb('erase', other) },
  );
}

function disturb(what: (typeof disturbances)[number], other: fc.Arbitrary<number>): fc.Arbitrary<Leaf> {
  return fc.record({ kind: fc.constant('disturb' as const), what: fc.constant(what), other });
}
