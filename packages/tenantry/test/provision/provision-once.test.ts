import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { TenancyProcess } from '../../../../test/support/tenancy-process.js';

const racers = 20;

/** A sequence is not rolled back, so it also counts the attempts that came to nothing. */
const counting = { '000001-counted': migrationOf("select nextval('public.attempts')", 'create table widget (id int)') };

let shop: Shop;
let database: TestDatabase;
beforeAll(async () => {
  shop = await openShop({ migrations: counting });
  await shop.database.admin.query('create sequence public.attempts');
  database = await createTestDatabase();
});
afterAll(async () => {
  await shop.close();
  await database.drop();
});

it(`provisions once when ${racers} first requests of a new tenant come at the same time`, async () => {
  const [id = ''] = freshIds(1);
  await shop.tenancy.catalog.create({ id, name: id });
  const seen = await Promise.all(
    Array.from({ length: racers }, () =>
      shop.tenancy.run(id, () => shop.orm.em.execute('select current_schema() as schema')),
    ),
  );
  expect(seen).toEqual(Array.from({ length: racers }, () => [{ schema: `${id}_shop` }]));
  const { rows } = await shop.database.admin.query(
    'select last_value::int as attempts from public.attempts where is_called',
  );
  expect(rows).toEqual([{ attempts: 1 }]);
});

it(`provisions once when ${racers} first requests come to four processes at the same time`, async () => {
  const ids = freshIds(3);
  const processes = await Promise.all(Array.from({ length: 4 }, () => TenancyProcess.launch()));
  try {
    await Promise.all(
      processes.map((process) =>
        process.tell({ what: 'start', options: { url: database.url, reconcile: { automatic: false } } }),
      ),
    );
    await processes[0]?.tell({ what: 'sign up', ids });
    const requests = ids.flatMap((id) => Array.from({ length: racers / processes.length }, () => id));
    const answers = await Promise.all(processes.map((process) => process.tell({ what: 'run', ids: requests })));
    expect(answers).toEqual(processes.map(() => requests));
    const schemas = ids.map((id) => `${id}_shop`);
    const ledger = schemas.map((schema) => `${schema}:000001-widgets`);
    expect(await actualState(database.admin, ids)).toEqual({ schemas, roles: schemas, recorded: schemas, ledger });
  } finally {
    await Promise.all(processes.map((process) => process.stop()));
  }
});

it(`lets one of ${racers} creators of the same tenant win and tells the others that it exists`, async () => {
  const [id = ''] = freshIds(1);
  const outcomes = await Promise.allSettled(
    Array.from({ length: racers }, (_, index) => shop.tenancy.catalog.create({ id, name: `creator ${index}` })),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
  expect(new Set(codes)).toEqual(new Set(['TENANCY_TENANT_EXISTS']));
});
