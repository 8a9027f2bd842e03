import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { ScopedClient } from '../../src/isolation/scoped-client.js';
import { TransactionScope } from '../../src/isolation/transaction-scope.js';
import { describeFault } from './soak/describe-fault.js';
import type { FaultKind } from './soak/fault.js';
import { findSmallest } from './soak/find-smallest.js';
import { openGateWorld } from './soak/gate-world.js';
import { openPlainWorld } from './soak/plain-world.js';
import { replay } from './soak/replay.js';
import { soak, type SoakResult } from './soak/soak.js';
import type { World } from './soak/world.js';

const tenants = ['t0', 't1', 't2', 't3', 't4'];
// The same tasks each time, so that a red suite is about the change and not about luck. `npm run soak` takes others.
const seed = Number(process.env['SOAK_SEED'] ?? 20_261_128);
let database: TestDatabase;
let world: World | undefined;

// Kysely writes there what became of a statement that nobody waits for any more.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
afterEach(async () => {
  vi.restoreAllMocks();
  await world?.close();
  await database.drop();
});

async function open(make: (url: string) => Promise<World>): Promise<World> {
  database = await createTestDatabase();
  world = await make(database.url);
  return world;
}

/** Empty when nothing was found. */
function found({ failed }: SoakResult): string {
  if (!failed) return '';
  const faults = failed.faults.slice(0, 3).map((fault) => describeFault(fault, failed.operations));
  return [`npm run soak -- --replay ${failed.seed}`, ...faults].join('\n\n');
}

it('shows no foreign row, loses no write and hangs no connection, whatever tenants do at the same time', async () => {
  const gate = await open((url) => openGateWorld({ url, tenants, connections: 4 }));
  const result = await soak({ world: gate, seed, operations: 3000 });
  expect(found(result)).toBe('');
  const { kinds, operations } = result.counts;
  expect(operations).toBeGreaterThanOrEqual(3000);
  // What never worked was not tried.
  expect(
    Object.entries(kinds).flatMap(([kind, { done, other }]) =>
      done === 0 && other >= 20 && !neverDone.test(kind) ? [kind] : [],
    ),
  ).toEqual([]);
}, 300_000);

/** What PostgreSQL refuses every tenant, what is given up on purpose, and what is too rare to be sure. */
const neverDone = /^foreign|^other|given up$|^erase|^revoke/;

describe('without the wall, the first thousand operations show', () => {
  const session = (schema: string) => [`set role ${schema}`, `set search_path to ${schema}`];
  // Where a stock pool hangs at once, it shows nothing else.
  const without = [
    'by:pages',
    'by:copy to',
    'by:a cursor closed early',
    'lasting:copy',
    'parting:with a cursor open',
    'disturb',
  ];

  it.each(['foreign row', 'lost write', 'wrong transaction', 'not neutral'] as const)(
    'a %s',
    async (kind) => {
      const plain = await open((url) => openPlainWorld({ url, tenants, connections: 4, session }));
      const { failed } = await soak({ world: plain, seed: 1, operations: 1000, until: kind, without });
      expect(failed?.faults.map((fault) => fault.kind) ?? []).toContain(kind);
    },
    300_000,
  );
});

it('finds the smallest tasks that show a fault, and runs them again from their seed', async () => {
  const gate = await open((url) => openGateWorld({ url, tenants, connections: 4 }));
  vi.spyOn(TransactionScope.prototype, 'foreign').mockReturnValue(undefined);
  const options = { world: gate, seed: 1, operations: 1000, without: ['disturb'] };
  const { failed } = await soak({ ...options, until: 'wrong transaction' });
  if (!failed) throw new Error('Nothing was found.');
  const { repeats, tasks, path } = await findSmallest(options, failed, { limitMs: 20_000 });
  expect(repeats).toBe(true);
  expect(tasks.length).toBeLessThan(failed.tasks.length);
  const again = await replay(options, { seed: failed.seed, tries: 50, ...(path !== undefined && { path }) });
  expect(again?.tasks).toEqual(tasks);
}, 300_000);

describe('with one mend of the gate taken out, the first thousand operations show', () => {
  const admit = TransactionScope.prototype.admit;
  const mends: readonly (readonly [mend: string, kind: FaultKind, takeOut: () => void])[] = [
    [
      'the scope is entered again',
      'wrong scope',
      () => vi.spyOn(TransactionScope.prototype, 'completed').mockImplementation(() => undefined),
    ],
    [
      'what lasts is refused',
      'not neutral',
      () =>
        vi.spyOn(TransactionScope.prototype, 'admit').mockImplementation(function (
          this: TransactionScope,
          scope,
          nature,
          status,
        ) {
          return admit.call(this, scope, nature.kind === 'lasting' ? { kind: 'query' } : nature, status);
        }),
    ],
    [
      'a transaction is its own tenant’s',
      'wrong transaction',
      () => vi.spyOn(TransactionScope.prototype, 'foreign').mockReturnValue(undefined),
    ],
    [
      'what is not idle is not handed on',
      'wrong transaction',
      () => vi.spyOn(ScopedClient.prototype, 'idle', 'get').mockReturnValue(true),
    ],
  ];

  it.each(mends)(
    '%s: a %s',
    async (_, kind, takeOut) => {
      const gate = await open((url) => openGateWorld({ url, tenants, connections: 4 }));
      takeOut();
      const { failed } = await soak({ world: gate, seed: 1, operations: 1000, until: kind, without: ['disturb'] });
      expect(failed?.faults.map((fault) => fault.kind) ?? []).toContain(kind);
    },
    300_000,
  );
});

it('finds nothing where one tenant has a stock pool to itself, and behaves', async () => {
  const startup = (schema: string) =>
    `-c role=${schema} -c search_path=${schema} -c statement_timeout=2000 -c idle_in_transaction_session_timeout=1500`;
  const plain = await open((url) => openPlainWorld({ url, tenants: ['t0'], connections: 4, startup }));
  // What a stock pool passes on, and where stock `pg` hangs by itself: a failed statement read in pages, and a copy.
  const without = [
    'lasting',
    'parting',
    'stray',
    'disturb',
    'by:a name',
    'by:pages',
    'by:copy to',
    'trouble:abort',
    'trouble:orphan',
  ];
  expect(found(await soak({ world: plain, seed: 1, operations: 2000, without }))).toBe('');
}, 300_000);
