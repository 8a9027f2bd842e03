import { afterEach, beforeEach, expect, it } from 'vitest';
import { actualState, freshIds } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { Logins, madeLogin } from '../../../../test/support/logins.js';
import { widgetMigrations } from '../../../../test/support/widgets.js';
import type { TenancyOptions } from '../../src/options.js';
import { Tenancy } from '../../src/tenancy.js';

let database: TestDatabase;
let logins: Logins;
let said: string[];
let started: Tenancy[];

beforeEach(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  [said, started] = [[], []];
});
afterEach(async () => {
  for (const tenancy of started) await tenancy.stop();
  await logins.dropWithDatabase();
});

async function start(options: Omit<TenancyOptions, 'service'>): Promise<Tenancy> {
  const logger = { log: (line: string) => said.push(line), warn: (line: string) => said.push(line) };
  const tenancy = await Tenancy.start({
    service: 'shop',
    migrations: widgetMigrations,
    reconcile: { automatic: false },
    logger,
    ...options,
  });
  started.push(tenancy);
  return tenancy;
}

const emptied = () => database.admin.query('drop schema tenantry cascade');

async function signsUp(tenancy: Tenancy): Promise<void> {
  const [id = ''] = freshIds(1);
  await tenancy.catalog.create({ id, name: id });
  expect(await tenancy.run(id, () => tenancy.require().tenant.id)).toBe(id);
}

it("makes a weaker login to serve with when the one URL is a superuser's, and says so once", async () => {
  await emptied();
  await signsUp(await start({ url: database.url }));
  const { role } = await madeLogin(database);
  expect(role).toBe(`tenantry_${database.name}`);
  expect(said).toEqual([
    expect.stringMatching(/^Catalog brought from version 0 to \d+\.$/),
    `Made the role "${role}" to serve with: "${new URL(database.url).username}" could read every tenant.`,
  ]);
  await signsUp(await start({ url: database.url }));
  expect(said).toHaveLength(2);
});

it('does the same for a login with CREATEROLE, and names what only a superuser can close', async () => {
  await emptied();
  const owner = await logins.makeOwner();
  await signsUp(await start({ url: owner.url }));
  const [, made, warning = ''] = said;
  expect(made).toBe(
    `Made the role "tenantry_${database.name}" to serve with: "${owner.role}" could read every tenant.`,
  );
  const sql = /until a superuser runs: (.*)$/.exec(warning)?.[1] ?? '';
  await database.admin.query(sql);
  said = [];
  await signsUp(await start({ url: owner.url }));
  expect(said).toEqual([]);
});

it('makes no login where two URLs were given, and serves with the weaker one', async () => {
  await emptied();
  const [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
  await signsUp(await start({ ownerUrl: owner.url, url: service.url }));
  expect(await madeLogin(database)).toMatchObject({ role: '' });
  const { rows } = await database.admin.query(
    "select nspowner::regrole::text as owner from pg_namespace where nspname like '%\\_shop'",
  );
  expect(rows).toEqual([{ owner: owner.role }]);
});

it('serves with a plain login alone and leaves provisioning to others', async () => {
  const service = await logins.make('noinherit');
  const owner = await start({ ownerUrl: database.url, url: service.url });
  const plain = await start({ url: service.url });
  const [id = ''] = freshIds(1);
  await plain.catalog.create({ id, name: id });
  const served = () => plain.run(id, () => plain.require().placement.schema);
  await expect(served()).rejects.toMatchObject({ code: 'TENANCY_TENANT_NOT_READY', status: 503, retryAfter: 1 });
  await expect(plain.reconcile()).rejects.toMatchObject({ code: 'TENANCY_OWNER_REQUIRED' });
  await owner.reconcile();
  expect(await served()).toBe(`${id}_shop`);
});

it('refuses to start with a plain login alone when there is no catalog, and makes nothing', async () => {
  const service = await logins.make('noinherit');
  await emptied();
  await expect(start({ url: service.url })).rejects.toMatchObject({
    code: 'TENANCY_CATALOG_MISSING',
    operatorMessage: expect.stringMatching(
      new RegExp(`is not in the database "${database.name}" that DATABASE_URL names.*\`tenantry migrate\``),
    ),
  });
  const { rows } = await database.admin.query("select from pg_namespace where nspname = 'tenantry'");
  expect(rows).toEqual([]);
  await start({ url: database.url });
});

it('says that a login may not read the catalog which others use', async () => {
  await start({ url: database.url });
  const stranger = await logins.make('noinherit');
  await expect(start({ url: stranger.url })).rejects.toMatchObject({
    code: 'TENANCY_CATALOG_MISSING',
    operatorMessage: expect.stringContaining('may not be read by the role of DATABASE_URL.'),
  });
});

it('says that the catalog is older than this version needs', async () => {
  const service = await logins.make('noinherit');
  await start({ ownerUrl: database.url, url: service.url });
  const { rows } = await database.admin.query<{ version: number }>(
    'delete from tenantry.catalog_version where version = (select max(version) from tenantry.catalog_version) returning version',
  );
  const needed = rows[0]?.version ?? 0;
  await expect(start({ url: service.url })).rejects.toMatchObject({
    code: 'TENANCY_CATALOG_MISSING',
    operatorMessage: expect.stringContaining(
      `is at version ${needed - 1}, and this version of Tenantry needs ${needed}.`,
    ),
  });
});

it('keeps tenants apart by name only where no roles can be made, if that is chosen', async () => {
  await emptied();
  const login = await logins.make('');
  await database.admin.query(`grant create on database ${database.name} to ${login.role}`);
  const tenancy = await start({ url: login.url, isolation: 'schema' });
  const [id = ''] = freshIds(1);
  await tenancy.catalog.create({ id, name: id });
  expect(await tenancy.run(id, () => tenancy.require().placement)).toMatchObject({
    schema: `${id}_shop`,
    role: login.role,
  });
  expect(await actualState(database.admin, [id])).toMatchObject({ schemas: [`${id}_shop`], roles: [] });
});

it.each([
  ['superuser', 'is a superuser'],
  ['bypassrls', 'has BYPASSRLS'],
  ['createrole', 'has CREATEROLE'],
])('refuses a %s as the login that serves beside an owner, and changes nothing', async (attribute, reason) => {
  await emptied();
  const login = await logins.make(attribute);
  await expect(start({ ownerUrl: database.url, url: login.url })).rejects.toMatchObject({
    code: 'TENANCY_SERVICE_ROLE_UNFIT',
    operatorMessage: `The role "${login.role}" of DATABASE_URL ${reason}, so PostgreSQL could not keep tenants apart. Give DATABASE_URL a plain role of its own and set DATABASE_OWNER_URL to this one.`,
  });
  const { rows } = await database.admin.query("select from pg_namespace where nspname = 'tenantry'");
  expect(rows).toEqual([]);
  await start({ url: database.url });
});

it('says that it is the owner URL which leads nowhere', async () => {
  const { url } = await logins.make('noinherit');
  const nowhere = new URL(database.url);
  nowhere.pathname = '/nowhere';
  await expect(start({ url, ownerUrl: nowhere.href })).rejects.toMatchObject({
    code: 'TENANCY_DATABASE_UNAVAILABLE',
    message: expect.stringMatching(/database "nowhere" does not exist\. .*DATABASE_OWNER_URL names\.$/),
  });
});

it('says that it is the owner URL which leads nowhere any more', async () => {
  await emptied();
  const [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
  const tenancy = await start({ ownerUrl: owner.url, url: service.url });
  await database.admin.query(`alter role ${owner.role} nologin`);
  await database.admin.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1', [
    owner.role,
  ]);
  const failure = {
    code: 'TENANCY_DATABASE_UNAVAILABLE',
    message: expect.stringMatching(/not permitted to log in\. .*DATABASE_OWNER_URL names\.$/),
  };
  await expect(tenancy.reconcile()).rejects.toMatchObject(failure);
  const [id = ''] = freshIds(1);
  await tenancy.catalog.create({ id, name: id });
  await expect(tenancy.run(id, () => undefined)).rejects.toMatchObject(failure);
  await expect(tenancy.fleet.migrate().outcome).rejects.toMatchObject(failure);
  await expect(tenancy.tenants.archive(id)).rejects.toMatchObject(failure);
  await expect(tenancy.copies.export(id, { to: `/tmp/${id}.tenant` })).rejects.toMatchObject(failure);
});

it('says that it is the URL for listening which leads nowhere', async () => {
  const nowhere = new URL(database.url);
  nowhere.pathname = '/nowhere';
  await expect(start({ url: database.url, listenUrl: nowhere.href })).rejects.toMatchObject({
    code: 'TENANCY_DATABASE_UNAVAILABLE',
    message: expect.stringMatching(/database "nowhere" does not exist\. .*`listenUrl` names\.$/),
  });
});

it('refuses a login that owns a tenant schema', async () => {
  const login = await logins.make('noinherit');
  await database.admin.query(`create schema acme_shop authorization ${login.role}`);
  await expect(start({ ownerUrl: database.url, url: login.url })).rejects.toMatchObject({
    code: 'TENANCY_SERVICE_ROLE_UNFIT',
    operatorMessage: expect.stringContaining('owns tenant schemas'),
  });
});

it('lets no inherited right through: before PostgreSQL 16 the login must not inherit, after it the grant says so', async () => {
  const login = await logins.make('inherit');
  const { rows } = await database.admin.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const starting = start({ ownerUrl: database.url, url: login.url });
  if ((rows[0]?.version ?? 0) < 160_000) {
    await expect(starting).rejects.toMatchObject({
      code: 'TENANCY_SERVICE_ROLE_UNFIT',
      operatorMessage: expect.stringContaining(`Run: alter role "${login.role}" noinherit;`),
    });
    return;
  }
  await signsUp(await starting);
  const inherited = await database.admin.query(
    "select pg_has_role($1, role_name, 'usage') as may from tenantry.tenant_schema",
    [login.role],
  );
  expect(new Set(inherited.rows.map(({ may }) => may))).toEqual(new Set([false]));
});
