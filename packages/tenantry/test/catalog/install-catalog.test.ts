import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { databaseUrl } from '../../../../test/support/database.js';
import { until } from '../../../../test/support/until.js';
import { inCatalogTransaction } from '../../src/catalog/in-catalog-transaction.js';
import { installCatalog, requireCatalog } from '../../src/catalog/install-catalog.js';

let server: pg.Client;
let name: string;
let owner: pg.Client;
let other: pg.Client;
beforeEach(async () => {
  server = new pg.Client({ connectionString: inject('serverUrl') });
  await server.connect();
  name = `tenantry_test_${randomBytes(6).toString('hex')}`;
  // Empty: the template has a catalog.
  await server.query(`create database ${name} template template0`);
  const connect = async () => {
    const client = new pg.Client({ connectionString: databaseUrl(inject('serverUrl'), name) });
    await client.connect();
    return client;
  };
  [owner, other] = [await connect(), await connect()];
});
afterEach(async () => {
  await Promise.all([owner.end(), other.end()]);
  await server.query(`drop database ${name} with (force)`);
  await server.end();
});

const install = (client: pg.Client) => inCatalogTransaction(client, () => installCatalog(client));
const versions = async () =>
  (await owner.query('select version, breaking from tenantry.catalog_version order by 1')).rows;

it('installs every file once, in order, and finds nothing to do the second time', async () => {
  const first = await install(owner);
  expect(first.before).toBe(0);
  expect(first.after).toBeGreaterThan(6);
  const installed = await versions();
  expect(installed.map(({ version }: { version: number }) => version)).toEqual(
    Array.from({ length: first.after }, (_, n) => n + 1),
  );
  expect(installed).toContainEqual({ version: 7, breaking: true });
  expect(installed).toContainEqual({ version: 1, breaking: false });
  expect(await install(owner)).toEqual({ before: first.after, after: first.after });
  expect(await versions()).toEqual(installed);
  await expect(requireCatalog(owner)).resolves.toBeUndefined();
});

it('goes on from the version that is there', async () => {
  const { after } = await install(owner);
  await owner.query('delete from tenantry.catalog_version where version = $1', [after]);
  // What that file makes is there already: that it was tried is what is asked here.
  await expect(install(owner)).rejects.toThrow(/already exists/);
  await expect(requireCatalog(owner)).rejects.toMatchObject({
    code: 'TENANCY_CATALOG_MISSING',
    fields: { reason: `is at version ${after - 1}, and this version of Tenantry needs ${after}` },
  });
});

it('serves from a newer catalog, unless it says that older processes must not', async () => {
  const { after } = await install(owner);
  await owner.query('insert into tenantry.catalog_version (version, breaking) values ($1, false)', [after + 1]);
  await expect(requireCatalog(owner)).resolves.toBeUndefined();
  expect(await install(owner)).toEqual({ before: after + 1, after: after + 1 });
  await owner.query('insert into tenantry.catalog_version (version, breaking) values ($1, true)', [after + 2]);
  const newer = { code: 'TENANCY_CATALOG_NEWER', fields: { version: after + 2, known: after } };
  await expect(requireCatalog(owner)).rejects.toMatchObject(newer);
  await expect(install(owner)).rejects.toMatchObject(newer);
});

it('names the database and the variable where there is no catalog, or none that may be read', async () => {
  await expect(requireCatalog(owner)).rejects.toMatchObject({
    code: 'TENANCY_CATALOG_MISSING',
    fields: { reason: `is not in the database "${name}" that DATABASE_URL names` },
  });
  await install(owner);
  await owner.query(`create role ${name}_reader; set role ${name}_reader`);
  await expect(requireCatalog(owner, 'DATABASE_OWNER_URL')).rejects.toMatchObject({
    code: 'TENANCY_CATALOG_MISSING',
    fields: { reason: 'may not be read by the role of DATABASE_OWNER_URL' },
  });
  await owner.query(`reset role; drop role ${name}_reader`);
});

it('is installed by one of two that come at the same time, also the very first time', async () => {
  const outcomes = await Promise.all([install(owner), install(other)]);
  const { after } = outcomes[0];
  expect(outcomes.map(({ before }) => before).toSorted((a, b) => a - b)).toEqual([0, after]);
});

it('waits for who installs it, no longer than it was told, and says who that is', async () => {
  await install(owner);
  await other.query('begin; lock table tenantry.catalog_version in share row exclusive mode');
  const { rows } = await other.query<{ pid: number; role: string }>(
    'select pg_backend_pid() as pid, current_user as role',
  );
  const [holder = { pid: 0, role: '' }] = rows;
  let ran = false;
  const waiting = inCatalogTransaction(owner, async () => void (ran = true), 50);
  await expect(waiting).rejects.toMatchObject({
    code: 'TENANCY_LOCK_HELD',
    fields: { reason: `the catalog was held for 50 ms by pid ${holder.pid} (role ${holder.role})` },
    cause: { code: '55P03' },
  });
  expect(ran).toBe(false);
  const later = inCatalogTransaction(owner, async () => 'its turn');
  await until('it waits', async () => {
    const { rowCount } = await server.query(
      "select from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'",
      [name],
    );
    return rowCount === 1;
  });
  await other.query('commit');
  expect(await later).toBe('its turn');
});

it('says who makes the first catalog, and gives code’s own errors back as they are', async () => {
  await other.query("begin; select pg_advisory_xact_lock(hashtextextended('tenantry:catalog', 0))");
  const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid');
  await expect(inCatalogTransaction(owner, async () => undefined, 50)).rejects.toMatchObject({
    code: 'TENANCY_LOCK_HELD',
    fields: { reason: expect.stringContaining(`by pid ${rows[0]?.pid} (role`) as string },
  });
  await other.query('rollback');
  await install(owner);
  const own = Object.assign(new Error('a lock of its own'), { code: '55P03' });
  await expect(inCatalogTransaction(owner, () => Promise.reject(own))).rejects.toBe(own);
  // Nothing is left behind, in particular no transaction.
  const { rows: state } = await owner.query(
    "select current_setting('lock_timeout') as lock, now() = statement_timestamp() as alone",
  );
  expect(state).toEqual([{ lock: '0', alone: true }]);
});
