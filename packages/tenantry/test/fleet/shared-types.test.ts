import { Migration } from '@mikro-orm/migrations';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrationOf } from '../../../../test/support/migration-of.js';
import type { Tenancy } from '../../src/tenancy.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

const Item = defineEntity({
  name: 'Item',
  tableName: 'item',
  schema: '*',
  properties: { id: p.integer().primary(), name: p.string(), address: p.string().nullable() },
});
const sharedSchemas = ['extensions', 'public'];

class Indexed extends Migration {
  override up(): void {
    this.addSql('create index concurrently item_slug on item (slug(name))');
  }

  override isTransactional(): boolean {
    return false;
  }
}

class Filled extends Migration {
  override async up(): Promise<void> {
    await this.execute("update item set address = 'First@Example.com'::email where slug(name) = 'first'");
  }
}

/** Each kind of migration names a type of `extensions` and a function of `public`, without their schemas. */
const shipped = {
  ...first,
  '000002-types': migrationOf(
    'alter table item add column address email unique',
    "-- tenantry-allow table-rewrite: the function is immutable\nalter table item add column slug text default slug('A B')",
  ),
  '000003-index': Indexed,
  '000004-filled': Filled,
};

let shop: FleetShop;
let tenancy: Tenancy | undefined;
beforeEach(async () => {
  shop = await openFleet(4);
  // As an extension makes them: `create extension citext schema extensions`.
  await shop.sql('create schema extensions');
  await shop.sql('grant usage on schema extensions to public');
  await shop.sql("create domain extensions.email as text check (value like '%@%')");
  await shop.sql(
    "create function public.slug(text) returns text language sql immutable as $$ select lower(replace($1, ' ', '-')) $$",
  );
});
afterEach(async () => {
  await tenancy?.stop();
  await shop.close();
});

it('finds types of `extensions` and functions of `public` in every kind of migration, and so in a new tenant', async () => {
  tenancy = await shop.start(shipped, { sharedSchemas });
  expect(await tenancy.fleet.migrate().outcome).toMatchObject({ status: 'done', done: 4 });
  await tenancy.catalog.create({ id: 'fresh', name: 'fresh' });
  expect(await tenancy.reconcile()).toMatchObject({ failed: 0 });
  expect(await shop.heads()).toEqual({ '000004-filled': 5 });
  expect(await tenancy.fleet.drift()).toMatchObject({ clean: true, checked: 5 });
});

it('finds them in queries too, of the ORM and in SQL, and each tenant still its own table', async () => {
  tenancy = await shop.start(shipped, { sharedSchemas });
  await tenancy.fleet.migrate().outcome;
  await shop.sql('create table public.item (id int primary key, name text, address text)');
  const orm = await MikroORM.init(tenancy.orm({ entities: [Item] }));
  await tenancy.run('t001', async () => {
    expect(await orm.em.execute("select slug('A B') as slug, 'a@b'::email as address")).toEqual([
      { slug: 'a-b', address: 'a@b' },
    ]);
    const found = await orm.em.find(Item, { address: 'First@Example.com' });
    expect(found.map(({ name }) => name)).toEqual(['first']);
    await expect(orm.em.execute("update item set address = 'nobody'")).rejects.toThrow(/violates check constraint/);
  });
  await orm.close();
});

it('without the option: neither migrations nor queries find them', async () => {
  tenancy = await shop.start(shipped);
  const outcome = await tenancy.fleet.migrate().outcome;
  expect(outcome).toMatchObject({ status: 'failed', done: 0, failed: 4 });
  expect(outcome.failures[0]?.reason).toContain('type "email" does not exist');
  const orm = await MikroORM.init(tenancy.orm({ entities: [Item] }));
  const query = tenancy.run('t001', () => orm.em.execute("select slug('A B')"));
  await expect(query).rejects.toThrow(/slug\(unknown\) does not exist/);
  await orm.close();
});
