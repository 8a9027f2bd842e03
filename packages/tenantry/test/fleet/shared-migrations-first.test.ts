import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

const items = {
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
};
/** Can only run where the shared table is there. */
const located = { ...items, '000002-country': ['alter table item add column country text references geo.country'] };
const countries = { '000001-country': ['create table country (code text primary key)'] };

let shop: FleetShop;
let project: CliProject;
beforeEach(async () => {
  shop = await openFleet(8);
  project = await openCliProject(shop.database.url);
});
afterEach(async () => {
  await project.close();
  await shop.close();
});

const registered = () => shop.sql<{ name: string }>('select name from tenantry.migration order by position');

it('runs shared migrations before those of tenants, which may lean on them', async () => {
  await project.ship(located, { shared: countries });
  expect((await project.run('migrate')).code).toBe(0);
  expect(await shop.heads()).toEqual({ '000002-country': 8 });
  const [order] = await shop.sql(
    `select (select applied_at from tenantry.ledger where schema_name = 'geo')
          < (select min(applied_at) from tenantry.ledger where migration = '000002-country') as first`,
  );
  expect(order).toEqual({ first: true });
});

it('without the wall: the same migration fails in every tenant where nothing is shared', async () => {
  const [there] = located['000002-country'];
  const allowed = `-- tenantry-allow qualified-name: to see it fail\n${there}`;
  await project.ship({ ...items, '000002-country': [allowed] });
  const { code, stderr } = await project.run('migrate');
  expect(code).toBe(1);
  expect(stderr).toContain('0 of 8 tenants');
});

it('stops everything when a shared migration fails: no tenant is touched, nothing is registered, exit code 1', async () => {
  const broken = { ...countries, '000002-broken': ['alter table country add column name text', 'select 1 / 0'] };
  await project.ship(located, { shared: broken });
  const { code, stderr } = await project.run('migrate');
  expect(code).toBe(1);
  expect(stderr).toContain('division by zero');
  expect(await shop.heads()).toEqual({ '000001-item': 8 });
  expect(await registered()).toEqual([{ name: '000001-item' }]);
  expect(await shop.sql("select from pg_namespace where nspname = 'geo'")).toEqual([]);
  expect(await shop.sql("select from tenantry.ledger where schema_name = 'geo'")).toEqual([]);

  await project.ship(located, {
    shared: { ...countries, '000002-broken': ['alter table country add column name text'] },
  });
  expect((await project.run('migrate')).code).toBe(0);
  expect(await shop.heads()).toEqual({ '000002-country': 8 });
});

it('does not let a service start whose shared migration failed', async () => {
  const shared = { schema: 'geo', migrations: { '000001-broken': migrationOf('select 1 / 0') } };
  await expect(
    shop.start({ ...first, '000002-price': migrationOf('alter table item add column price int') }, { shared }),
  ).rejects.toThrow(/division by zero/);
  expect(await registered()).toEqual([{ name: '000001-item' }]);
  expect(await shop.heads()).toEqual({ '000001-item': 8 });
});
