import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { type FleetShop, openFleet } from './support/fleet-shop.js';

const shipped = {
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
  '000002-unique': ['create unique index item_name on item (name)'],
};
const fleet = 200;

let shop: FleetShop;
let project: CliProject;
beforeAll(async () => {
  shop = await openFleet(fleet);
  project = await openCliProject(shop.database.url);
  await project.ship(shipped);
  await shop.sql("insert into t123_shop.item values (2, 'first')");
});
afterAll(async () => {
  await project.close();
  await shop.close();
});

/** The transaction that wrote each tenant's newest ledger row. */
const writtenBy = async () => {
  const rows = await shop.sql<{ schema: string; xid: string }>(
    "select schema_name as schema, xmin::text as xid from tenantry.ledger where migration = '000002-unique'",
  );
  return new Map(rows.map(({ schema, xid }) => [schema, xid]));
};

it('finishes the 199 others, ends with 1 and names the one whose rows are in the way', async () => {
  const { code, stderr } = await project.run('migrate');
  expect(code).toBe(1);
  expect(stderr).toMatch(/tenant t123 failed, TENANCY_MIGRATION_FAILED: .*could not create unique index "item_name"/);
  expect(stderr).toMatch(/rollout 1 failed: 199 of 200 tenants in \d+\.\d s, 1 failed/);
  expect(stderr.match(/tenant t\d+ failed/g)).toHaveLength(1);
  expect(await shop.heads()).toEqual({ '000001-item': 1, '000002-unique': 199 });
  const [bad] = await shop.sql("select from pg_indexes where schemaname = 't123_shop' and indexname = 'item_name'");
  expect(bad).toBeUndefined();
});

it('fails again in that tenant alone as long as the rows are there', async () => {
  const before = await writtenBy();
  const { code, stdout, stderr } = await project.run('migrate');
  expect(code).toBe(1);
  expect(stdout).toContain('shop: 1 tenant to 000002-unique');
  expect(stderr).toContain('0 of 1 tenants');
  expect(await writtenBy()).toEqual(before);
});

it('touches only that tenant once its rows are mended', async () => {
  await shop.sql('delete from t123_shop.item where id = 2');
  const before = await writtenBy();
  const { code, stderr } = await project.run('migrate');
  expect(code).toBe(0);
  expect(stderr).toContain('1 of 1 tenants');
  const after = await writtenBy();
  expect(after.size).toBe(fleet);
  after.delete('t123_shop');
  expect(after).toEqual(before);
});
