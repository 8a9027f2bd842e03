import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { type CountingProxy, countingProxy } from '../../../../test/support/counting-proxy.js';
import { contentsOf } from '../../../../test/support/expect-problem.js';
import { type FleetShop, openFleet } from './support/fleet-shop.js';

const first = {
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
};
const second = { ...first, '000002-price': ['alter table item add column price int'] };

let shop: FleetShop;
let proxy: CountingProxy;
let project: CliProject;
beforeAll(async () => {
  shop = await openFleet(6);
  proxy = await countingProxy(shop.database.url);
  project = await openCliProject(proxy.url);
  await project.ship(first);
});
afterAll(async () => {
  await project.close();
  await proxy.close();
  await shop.close();
});

/** Tenants at this head, with an empty schema and a role each: a rollout that finds nothing to do never looks into a schema. */
const record = async (count: number, head: string) => {
  await shop.sql(
    `with ids as (insert into tenantry.tenant (id, name)
                  select 'many' || n, 'many' from generate_series(1, $1) n on conflict (id) do nothing returning id)
     insert into tenantry.tenant_schema (schema_name, tenant_id, service, role_name, service_role, head)
     select id || '_shop', id, 'shop', id || '_shop', s.service_role, $2 from ids, tenantry.service s where s.name = 'shop'`,
    [count, head],
  );
  await shop.sql(`do $$ declare x record; begin
    for x in select * from tenantry.tenant_schema where tenant_id like 'many%' loop
      execute format('create role %1$I; create schema %1$I; grant usage on schema %1$I to %1$I; grant %1$I to %2$I',
                     x.schema_name, x.service_role);
    end loop; end $$`);
};
const forget = async () => {
  await shop.sql(`do $$ declare x record; begin
    for x in select * from tenantry.tenant_schema where tenant_id like 'many%' loop
      execute format('drop schema %1$I; drop role %1$I', x.schema_name);
    end loop; end $$`);
  await shop.sql("delete from tenantry.tenant_schema where tenant_id like 'many%'");
  await shop.sql("delete from tenantry.tenant where id like 'many%'");
};
/** Makes a tenant's schema and its history what they were at this head. */
const takeBack = async (tenant: string, head: string | null) => {
  const schema = `${tenant}_shop`;
  await shop.sql(`alter table ${schema}.item drop column price`);
  if (head === null) await shop.sql(`drop table ${schema}.item`);
  await shop.sql('delete from tenantry.ledger where schema_name = $1 and migration > $2', [schema, head ?? '']);
  await shop.sql('update tenantry.tenant_schema set head = $2 where schema_name = $1', [schema, head]);
};
const migrate = async () => {
  proxy.take();
  const answer = await project.run('migrate');
  return { answer, sent: proxy.take() };
};

describe('a fleet at head', () => {
  it('costs one connection and the same few statements, whether it has 6 tenants or 306', async () => {
    const few = await migrate();
    await record(300, '000001-item');
    const many = await migrate();
    await forget();
    expect(many).toEqual(few);
    expect(few.answer.stdout).toBe('shop: nothing to do, every tenant is at 000001-item\n');
    expect(few.sent.connections).toBe(1);
    expect(few.sent.statements).toBeLessThan(10);
  });

  it('is not changed by two deploys at once: no rollout, no row of any table', async () => {
    const before = await contentsOf(shop.database.admin);
    const answers = await Promise.all([project.run('migrate'), project.run('migrate')]);
    expect(answers.map(({ code }) => code)).toEqual([0, 0]);
    expect(await shop.sql('select from tenantry.rollout')).toEqual([]);
    expect(await contentsOf(shop.database.admin)).toEqual(before);
  });
});

describe('a fleet of which some are behind', () => {
  it('is planned for those alone: the empty schema, the one without a schema, and the stale one', async () => {
    await project.ship(second);
    await project.run('migrate');
    await shop.sql("insert into tenantry.tenant (id, name) values ('fresh', 'fresh')");
    await takeBack('t001', null);
    await takeBack('t002', '000001-item');
    const { stdout } = await project.run('migrate', '--dry-run');
    expect(stdout.split('\n').toSorted()).toEqual(
      [
        '',
        '  1 at 000001-item: 000002-price',
        '  1 at none: 000001-item, 000002-price',
        '  1 without a schema: 000001-item, 000002-price',
        'shop: 3 tenants to 000002-price',
      ].toSorted(),
    );
    expect((await project.run('migrate')).code).toBe(0);
    expect(await shop.heads()).toEqual({ '000002-price': 7 });
  });

  it('with the counter as the wall: one tenant that is behind costs more than a look', async () => {
    const idle = await migrate();
    await takeBack('t002', '000001-item');
    const busy = await migrate();
    expect(busy.sent.connections).toBeGreaterThan(idle.sent.connections);
    expect(busy.sent.statements).toBeGreaterThan(idle.sent.statements);
  });
});
