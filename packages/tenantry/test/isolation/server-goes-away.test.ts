import { ephemeralPostgres } from '@tenantry/host/local-postgres';
import pg from 'pg';
import { expect, it } from 'vitest';
import { widgetMigrations } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { scopedPool } from './support/pools.js';

it('tells a server that goes away while a scope is entered from a refusal, and runs nothing', async () => {
  // Of its own: the lock below stops every other test of a server.
  const server = await ephemeralPostgres();
  const admin = new pg.Pool({ connectionString: server.url, max: 2 });
  admin.on('error', () => undefined);
  const tenancy = await Tenancy.start({
    url: server.url,
    service: 'shop',
    migrations: widgetMigrations,
    reconcile: { automatic: false },
  });
  await tenancy.catalog.create({ id: 'acme', name: 'Acme' });
  await tenancy.reconcile();
  const pool = await scopedPool({ database: { url: server.url, admin } });
  const [{ pid } = { pid: 0 }] = (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
  const blocker = await admin.connect();
  // Choosing a role reads pg_authid: the next statement waits there, before it has entered its scope.
  await blocker.query('begin; lock table pg_authid in access exclusive mode');
  const waiting = tenancy.run('acme', () => pool.query("insert into acme_shop.widget (name) values ('stray')"));
  const outcome = expect(waiting).rejects.toMatchObject({ code: '57P01' });
  await expect
    .poll(async () => (await blocker.query('select 1 from pg_locks where pid = $1 and not granted', [pid])).rowCount)
    .toBe(1);
  await blocker.query('select pg_terminate_backend($1)', [pid]);
  await blocker.query('rollback');
  blocker.release();
  await outcome;
  expect((await admin.query('select name from acme_shop.widget')).rows).toEqual([]);
  await pool.end();
  await tenancy.stop();
  await admin.end();
  await server.stop();
});
