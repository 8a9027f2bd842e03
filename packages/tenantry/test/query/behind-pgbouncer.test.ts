import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeBehindPgBouncer } from '../../../../test/support/describe-behind-pgbouncer.js';
import { openPooledShop, type PooledShop } from '../../../../test/support/pooled-shop.js';

describeBehindPgBouncer('behind PgBouncer in transaction mode', () => {
  let shop: PooledShop;
  beforeAll(async () => {
    shop = await openPooledShop({ tenants: ['acme', 'globex', 'initech'] });
  });
  afterAll(() => shop.close());

  it('a report has each tenant’s own role, and leaves no lock on the shared backend', async () => {
    const { tenancy } = await shop.start();
    await shop.direct.database.admin.query('grant execute on function pg_advisory_lock(bigint) to public');
    const sql =
      'select current_user::text as role, pg_advisory_lock(5)::text as locked from (select count(*) from widget) w';
    const { rows, failures } = await tenancy.report({ sql, aggregate: 'select count(*)::int as n from merged' });
    expect(failures).toEqual([]);
    expect(rows.map(({ role }) => role)).toEqual(['acme_shop', 'globex_shop', 'initech_shop']);
    const failing = await tenancy.report({ sql: `${sql} where 1 / (select 0) = 1` });
    expect(failing.failures).toHaveLength(3);
    const { rows: held } = await shop.direct.database.admin.query(
      "select 1 from pg_locks where locktype = 'advisory' and objid = 5 and database = (select oid from pg_database where datname = current_database())",
    );
    expect(held).toEqual([]);
  });
});
