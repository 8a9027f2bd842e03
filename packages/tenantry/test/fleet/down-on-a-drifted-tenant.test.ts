import { Migration } from '@mikro-orm/migrations';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Tenancy } from '../../src/tenancy.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

class Priced extends Migration {
  override up(): void {
    this.addSql('alter table item add column price int');
    this.addSql('alter table item add column currency text');
  }

  override down(): void {
    this.addSql('alter table item drop column price');
    this.addSql('alter table item drop column currency');
  }
}

const back = { direction: 'down', to: '000001-item' } as const;

let shop: FleetShop;
let tenancy: Tenancy;
beforeEach(async () => {
  shop = await openFleet(12);
  tenancy = await shop.start({ ...first, '000002-priced': Priced });
  await tenancy.fleet.migrate().outcome;
  // Somebody was there by hand: the second statement of the way back has nothing to drop.
  await shop.sql('alter table t004_shop.item drop column currency');
});
afterEach(() => shop.close());

const historyOf = (tenant: string) =>
  shop.sql(
    'select head, migration from tenantry.tenant_schema join tenantry.ledger using (schema_name) where tenant_id = $1 order by 2',
    [tenant],
  );

it('takes the others back, and leaves the drifted one as it was: its tables, its head, its history', async () => {
  const outcome = await tenancy.fleet.migrate(back).outcome;
  expect(outcome).toMatchObject({ status: 'failed', done: 11, failed: 1 });
  expect(outcome.failures).toMatchObject([
    {
      tenant: 't004',
      reason: expect.stringContaining('column "currency" of relation "item" does not exist') as string,
    },
  ]);
  expect(await historyOf('t004')).toEqual([
    { head: '000002-priced', migration: '000001-item' },
    { head: '000002-priced', migration: '000002-priced' },
  ]);
  expect(await historyOf('t005')).toEqual([{ head: '000001-item', migration: '000001-item' }]);
  // What the first statement did went back with it.
  await expect(shop.sql('select price from t004_shop.item')).resolves.toHaveLength(1);
});

it('finds by drift what was in the way, and goes back once that is repaired', async () => {
  await tenancy.fleet.migrate(back).outcome;
  const { drifted } = await tenancy.fleet.drift();
  expect(drifted).toMatchObject([{ tenant: 't004', differences: [{ object: 'item.currency', problem: 'missing' }] }]);
  await shop.sql(drifted[0]?.differences[0]?.repair ?? '');
  expect(await tenancy.fleet.migrate(back).outcome).toMatchObject({ status: 'done', total: 1 });
  expect(await shop.heads()).toEqual({ '000001-item': 12 });
  expect(await tenancy.fleet.drift()).toMatchObject({ clean: true });
});
