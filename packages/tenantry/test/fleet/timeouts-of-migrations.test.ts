import { Migration } from '@mikro-orm/migrations';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

const slow = 'select pg_sleep(0.4)';
const second = { ...first, '000002-slow': migrationOf(slow, 'alter table item add column price int') };

class Coded extends Migration {
  override async up(): Promise<void> {
    this.addSql('alter table item add column size int');
    await this.execute(slow);
  }
}
class Concurrent extends Migration {
  override up(): void {
    // Evaluated for the one row there is.
    this.addSql(
      'create index concurrently item_slow on item (public.slowly(id)) -- tenantry-allow qualified-name: no schema has it',
    );
  }

  override isTransactional(): boolean {
    return false;
  }
}

let shop: FleetShop;
beforeEach(async () => {
  shop = await openFleet(2);
  await shop.sql(
    'create function public.slowly(int) returns int language plpgsql immutable as $$ begin perform pg_sleep(0.4); return $1; end $$',
  );
});
afterEach(() => shop.close());

/** For every connection that is made from now on, as an operator sets it for the service. */
const limitDatabase = () => shop.sql(`alter database ${shop.database.name} set statement_timeout = '150ms'`);

it('lets migrations take the time they need where requests must be short', async () => {
  const { fleet } = await shop.start(second, { statementTimeoutMs: 100, idleTransactionTimeoutMs: 100 });
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', done: 2 });
});

it('does so whatever kind they are of, where the database itself has a short limit', async () => {
  await limitDatabase();
  const shared = {
    schema: 'geo',
    migrations: { '000001-slow': migrationOf(slow, 'create table country (code text)') },
  };
  const shipped = { ...second, '000003-coded': Coded, '000004-index': Concurrent };
  const tenancy = await shop.start(shipped, { shared });
  expect(await tenancy.fleet.migrate().outcome).toMatchObject({ status: 'done', done: 2 });
  await tenancy.catalog.create({ id: 'fresh', name: 'fresh' });
  expect(await tenancy.reconcile()).toMatchObject({ failed: 0 });
  expect(await shop.heads()).toEqual({ '000004-index': 3 });
});

it('has a limit of its own, and a migration that meets it fails in its tenant alone', async () => {
  const { fleet } = await shop.start(second, { migrationTimeoutMs: 150 });
  const outcome = await fleet.migrate().outcome;
  expect(outcome).toMatchObject({ status: 'failed', failed: 2 });
  expect(outcome.failures[0]?.reason).toContain('canceling statement due to statement timeout');
  expect(await shop.heads()).toEqual({ '000001-item': 2 });
});
