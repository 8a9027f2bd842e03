import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrationOf } from '../../../../test/support/migration-of.js';
import type { Tenancy } from '../../src/tenancy.js';
import { type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';

const migrations = {
  '000001-item': migrationOf(
    "create type mood as enum ('calm', 'busy')",
    'create table item (id int primary key, name text, price numeric(20, 4), mood mood, tags text[], note json, at timestamptz)',
  ),
};

let shop: FleetShop;
let tenancy: Tenancy;
beforeAll(async () => {
  shop = await openFleet(12, migrations);
  tenancy = await shop.start(migrations);
  for (const tenant of shop.tenants) {
    await shop.sql(`insert into ${tenant}_shop.item
      values (1, 'a', 0.1, 'calm', '{x,"y z"}', '{"n": 12345678901234567890}', '2026-01-02 03:04:05.678901+00'), (2, null, null, 'busy', null, null, null)`);
  }
});
afterAll(() => shop.close());

it('merges the rows of all tenants, by tenant, with the tenant in front', async () => {
  const report = await tenancy.report({ sql: 'select id from item order by id', concurrency: 3 });
  expect(report.columns).toEqual([
    { name: 'tenant', type: 'text' },
    { name: 'id', type: 'integer' },
  ]);
  expect(report.rows).toEqual(shop.tenants.flatMap((tenant) => [1, 2].map((id) => ({ tenant, id }))));
  expect(report).toMatchObject({ answered: 12, failures: [], complete: true, aggregate: null, stopped: false });
});

it('rounds nothing and keeps NULL', async () => {
  const { rows, columns } = await tenancy.report({
    sql: `select id, name, price, mood, tags, note, at at time zone 'UTC' as at, 9007199254740993::int8 as big, true as yes, 1.5::float8 as f,
            '' as empty from item order by id`,
    selector: { tenants: ['t003'] },
  });
  const always = { tenant: 't003', big: '9007199254740993', yes: true, f: 1.5, empty: '' };
  expect(rows[0]).toEqual({
    ...always,
    id: 1,
    name: 'a',
    price: '0.1000',
    mood: 'calm',
    tags: '{x,"y z"}',
    note: { n: Number('12345678901234567890') },
    at: '2026-01-02 03:04:05.678901',
  });
  expect(rows[1]).toEqual({
    ...always,
    id: 2,
    name: null,
    price: null,
    mood: 'busy',
    tags: null,
    note: null,
    at: null,
  });
  expect(columns.find(({ name }) => name === 'mood')).toEqual({ name: 'mood', type: 'text' });
  expect(columns.find(({ name }) => name === 'tags')).toEqual({ name: 'tags', type: 'text[]' });
});

it('gives the statement its parameters, as values', async () => {
  const { rows } = await tenancy.report({
    sql: 'select id, $2::text as said from item where id = any($1::int[])',
    params: [[2, 7], `'; drop table item; --\\"`],
    selector: { tenants: ['t001'] },
  });
  expect(rows).toEqual([{ tenant: 't001', id: 2, said: `'; drop table item; --\\"` }]);
});

describe('an aggregate', () => {
  it('runs over all rows with their types', async () => {
    const { aggregate } = await tenancy.report({
      sql: 'select id, price, mood, tags, note, at from item',
      aggregate: `select count(distinct tenant)::int as tenants, sum(price) as sum, max(mood) as mood, max(tags[2]) as tag,
                         max((note ->> 'n')::numeric) as n, max(at) = '2026-01-02 03:04:05.678901+00' as exact, count(*) filter (where price is null)::int as without
                    from merged; `,
    });
    const row = {
      tenants: 12,
      sum: '1.2000',
      mood: 'calm',
      tag: 'y z',
      n: '12345678901234567890',
      exact: true,
      without: 12,
    };
    expect(aggregate?.rows).toEqual([row]);
  });

  it('may have its own with, comments and ordering', async () => {
    const { aggregate } = await tenancy.report({
      sql: 'select id from item',
      aggregate:
        'with x as (select tenant, sum(id)::int as s from merged group by 1) select * from x order by tenant desc limit 1 -- all',
    });
    expect(aggregate?.rows).toEqual([{ tenant: 't011', s: 3 }]);
  });

  it('sees the catalog, such as the labels of tenants, and no tenant’s table', async () => {
    await shop.sql(`update tenantry.tenant set labels = '{"tier": "gold"}' where id in ('t001', 't002')`);
    const { aggregate } = await tenancy.report({
      sql: 'select count(*)::int as items from item',
      aggregate: `select t.labels ->> 'tier' as tier, sum(items)::int as items from merged join tenantry.tenant t on t.id = tenant group by 1 order by 1`,
    });
    expect(aggregate?.rows).toEqual([
      { tier: 'gold', items: 4 },
      { tier: null, items: 20 },
    ]);
    const stealing = tenancy.report({ sql: 'select 1 as one', aggregate: 'select * from t001_shop.item' });
    await expect(stealing).rejects.toMatchObject({ code: 'TENANCY_REPORT_INVALID', fields: { what: 'aggregate' } });
  });

  it('that is wrong is refused with its place, before the fleet is asked', async () => {
    const report = tenancy.report({ sql: 'select id from item', aggregate: 'select\n  nothing from merged' });
    await expect(report).rejects.toThrow(
      /The aggregate of this report is wrong at line 2, column 3: column "nothing" does not exist/,
    );
  });

  it('with the same name twice is refused', async () => {
    const report = tenancy.report({ sql: 'select id from item', aggregate: 'select max(id), max(tenant) from merged' });
    await expect(report).rejects.toThrow(/aggregate of this report is wrong: it has two columns "max"/);
  });

  it('that fails only over nothing is still asked', async () => {
    const { aggregate } = await tenancy.report({
      sql: 'select id from item',
      aggregate: 'select 24 / count(*) as x from merged',
    });
    expect(aggregate?.rows).toEqual([{ x: '1' }]);
  });
});

describe('a tenant that fails', () => {
  it('is reported and stops no other', async () => {
    const { rows, failures, complete } = await tenancy.report({
      sql: `select 1 / (case when current_schema = 't004_shop' then 0 else 1 end) as one`,
    });
    expect(failures).toEqual([{ tenant: 't004', code: '22012', reason: 'division by zero' }]);
    expect(rows).toHaveLength(11);
    expect(complete).toBe(false);
  });

  it('is one that takes longer than it may', async () => {
    const { failures, answered } = await tenancy.report({
      sql: `select pg_sleep(case when current_schema = 't005_shop' then 60 else 0 end)::text as slept`,
      timeoutMs: 1000,
    });
    expect(failures).toMatchObject([{ tenant: 't005', code: '57014' }]);
    expect(answered).toBe(11);
  });

  it('is one whose columns are others than those of the tenants at head', async () => {
    await shop.sql('alter table t000_shop.item add column extra int');
    await shop.sql("update tenantry.tenant_schema set head = 'older' where schema_name = 't000_shop'");
    const { failures, answered, columns } = await tenancy.report({ sql: 'select * from item' });
    expect(answered).toBe(11);
    expect(columns.map(({ name }) => name)).not.toContain('extra');
    expect(failures).toMatchObject([{ tenant: 't000', code: 'TENANCY_REPORT_MISMATCH' }]);
    await shop.sql('alter table t000_shop.item drop column extra');
    await shop.sql('alter table t000_shop.item alter column id type bigint');
    const other = await tenancy.report({ sql: 'select id, mood from item' });
    expect(other.failures[0]?.reason).toContain('its column "id" is not integer');
    await shop.sql('alter table t000_shop.item alter column id type int');
    await shop.sql("update tenantry.tenant_schema set head = '000001-item'");
  });

  it('is one without a schema, and one whose role was taken away', async () => {
    await shop.sql("insert into tenantry.tenant (id, name) values ('fresh', 'fresh')");
    const [login] = await shop.sql<{ role: string }>('select service_role as role from tenantry.service');
    await shop.sql(`revoke t007_shop from "${login?.role}"`);
    const { failures } = await tenancy.report({ sql: 'select 1 as one' });
    expect(failures).toMatchObject([
      { tenant: 'fresh', code: 'TENANCY_TENANT_NOT_READY' },
      { tenant: 't007', code: 'TENANCY_SCOPE_REFUSED' },
    ]);
    await shop.sql(`grant t007_shop to "${login?.role}" ${await setOnly()}`);
    await shop.sql("delete from tenantry.tenant where id = 'fresh'");
  });

  const setOnly = async () => {
    const [row] = await shop.sql<{ version: number }>("select current_setting('server_version_num')::int as version");
    return (row?.version ?? 0) >= 160_000 ? 'with inherit false, set true' : '';
  };
});

describe('a statement that is wrong', () => {
  it.each([
    ['broken SQL', 'select id\nfrom item wher id = 1', /wrong at line 2, column 16: syntax error at or near "id"/],
    ['an unknown table', 'select * from itm', /wrong at line 1, column 15: relation "itm" does not exist/],
    ['two statements', 'select 1 as a; select 2 as b', /cannot insert multiple commands/],
    ['a missing parameter', 'select $1::int as a', /bind message supplies 0 parameters/],
    ['no select', 'vacuum', /syntax error at or near "vacuum"/],
    ['a column called tenant', 'select 1 as tenant', /it has a column "tenant"/],
    ['the same name twice', 'select 1 as a, 2 as a', /two columns "a"/],
  ])('is refused as a whole and not per tenant: %s', async (_, sql, sentence) => {
    await expect(tenancy.report({ sql })).rejects.toMatchObject({
      code: 'TENANCY_REPORT_INVALID',
      message: expect.stringMatching(sentence) as string,
    });
  });

  it.each([
    [{ sql: ' ' }, 'sql'],
    [{ sql: 'select 1\0' }, 'sql'],
    [{ sql: 'select 1', limit: 0 }, 'limit'],
    [{ sql: 'select 1', concurrency: 1.5 }, 'concurrency'],
    [{ sql: 'select 1', service: 'nowhere' }, 'service'],
    [{ sql: 'select 1', selector: { tenants: ['nobody'] } }, 'tenants'],
    [{ sql: 'select $1', params: [{}] as never }, 'params'],
  ])('is refused by its option: %o', async (options, option) => {
    await expect(tenancy.report(options)).rejects.toMatchObject({ code: 'TENANCY_OPTION_INVALID', fields: { option } });
  });
});

describe('limits', () => {
  it('cut a tenant at its own limit and say so', async () => {
    const { rows, cutTenants, complete } = await tenancy.report({
      sql: `select n from generate_series(1, case when current_schema = 't002_shop' then 500 else 3 end) n`,
      limitPerTenant: 3,
    });
    expect(rows).toHaveLength(36);
    expect({ cutTenants, complete }).toEqual({ cutTenants: 1, complete: false });
  });

  it('end the report at the limit in all and say at which tenant', async () => {
    const { rows, limitReachedAt, answered } = await tenancy.report({
      sql: 'select id from item',
      limit: 5,
      concurrency: 1,
    });
    expect(rows).toHaveLength(5);
    expect({ limitReachedAt, answered }).toEqual({ limitReachedAt: 't002', answered: 3 });
  });

  it('that are reached exactly cut nothing', async () => {
    const report = await tenancy.report({ sql: 'select id from item', limit: 24, limitPerTenant: 2 });
    expect(report).toMatchObject({ cutTenants: 0, limitReachedAt: null, complete: true });
  });
});

it('asks active tenants, and others when they are named or selected', async () => {
  await shop.sql(
    `update tenantry.tenant set status = 'suspended' where id = 't008'; update tenantry.tenant set status = 'archived' where id = 't009'`,
  );
  const tenants = async (selector: object) =>
    (await tenancy.report({ sql: 'select 1 as one', selector })).rows.map(({ tenant }) => tenant);
  expect(await tenants({})).toEqual(shop.tenants.filter((tenant) => !['t008', 't009'].includes(tenant)));
  expect(await tenants({ tenants: ['t001', 't008'] })).toEqual(['t001', 't008']);
  expect(await tenants({ status: 'archived' })).toEqual(['t009']);
  expect(await tenants({ labels: { tier: 'gold' } })).toEqual(['t001', 't002']);
  expect(await tenants({ labels: { tier: 'none' } })).toEqual([]);
  await shop.sql("update tenantry.tenant set status = 'active'");
});

it('runs beside the scope and the transaction of its caller, and leaves both alone', async () => {
  const seen = await tenancy.run('t001', async () => {
    const { rows } = await tenancy.report({ sql: 'select current_user::text as role from item where id = 1' });
    return { rows: rows.length, scope: tenancy.require().tenant.id };
  });
  expect(seen).toEqual({ rows: 12, scope: 't001' });
});

it('ends after the tenants in hand when it is told to', async () => {
  const stop = new AbortController();
  stop.abort();
  const report = await tenancy.report({ sql: 'select 1 as one', signal: stop.signal });
  expect(report).toMatchObject({ stopped: true, complete: false, rows: [] });
});
