import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { type FleetShop, openFleet } from './support/fleet-shop.js';

const first = {
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
};
const second = { ...first, '000002-price': ['alter table item add column price int'] };
const third = { ...second, '000003-size': ['alter table item add column size int'] };

let shop: FleetShop;
let project: CliProject;
beforeEach(async () => {
  shop = await openFleet(12);
  project = await openCliProject(shop.database.url);
});
afterEach(async () => {
  await project.close();
  await shop.close();
});

const goAstray = (tenant: string) =>
  shop.sql("update tenantry.tenant_schema set head = '000007-lost' where tenant_id = $1", [tenant]);
const written = () => shop.sql('select schema_name, migration, xmin::text from tenantry.ledger order by 1, 2');

it('migrates the others, leaves those at head and the one at an unknown migration untouched, and ends with 1', async () => {
  await project.ship(second);
  await project.run('migrate', '--tenant', 't001', 't002');
  await goAstray('t005');
  const before = await written();
  const { code, stdout, stderr } = await project.run('migrate');
  expect(code).toBe(1);
  expect(stdout).toContain('tenant t005 is at "000007-lost", which no version has registered; left alone');
  expect(stderr).toContain('tenant t005 failed, TENANCY_MIGRATION_UNKNOWN: ');
  expect(stderr).toContain('9 of 10 tenants');
  expect(await shop.heads()).toEqual({ '000002-price': 11, '000007-lost': 1 });
  expect(await written()).toEqual(expect.arrayContaining(before));
  expect(await shop.sql("select from tenantry.ledger where schema_name = 't005_shop'")).toHaveLength(1);
});

it('does not end with 0 before somebody has put it right, although there is nothing else to do', async () => {
  await project.ship(second);
  await goAstray('t005');
  await project.run('migrate');
  const again = await project.run('migrate');
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('tenant t005 failed');
  await shop.sql("update tenantry.tenant_schema set head = '000001-item' where tenant_id = 't005'");
  expect((await project.run('migrate')).code).toBe(0);
  expect(await shop.heads()).toEqual({ '000002-price': 12 });
});

it('ends with 0 where an older version meets tenants of a newer one: that is a deploy taken back, not a fault', async () => {
  await project.ship(third);
  await project.run('migrate', '--tenant', 't005');
  await project.ship(second);
  const { code, stdout } = await project.run('migrate');
  expect(stdout).toContain('tenant t005 is at "000003-size", which this version does not know; left alone');
  expect(code).toBe(0);
  expect(await shop.heads()).toEqual({ '000002-price': 11, '000003-size': 1 });
});
