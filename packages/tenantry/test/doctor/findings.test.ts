import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { type Login, loginUrl, Logins, madeLogin } from '../../../../test/support/logins.js';
import { widgetMigrations } from '../../../../test/support/widgets.js';
import type { DoctorFacts, ServerFacts } from '../../src/doctor/doctor-facts.js';
import { findingsOf } from '../../src/doctor/findings-of.js';
import { type DoctorTarget, readFacts } from '../../src/doctor/read-facts.js';
import { Tenancy } from '../../src/tenancy.js';

let database: TestDatabase;
let logins: Logins;
let service: Login;
/** As it should be: an owner, and a login that only serves. */
let sound: DoctorTarget;
/** Settings of the tests' own server, which needs no durability. */
let ofTheServer: readonly string[];
beforeAll(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  const tenancy = await Tenancy.start({
    url: database.url,
    service: 'shop',
    migrations: widgetMigrations,
    reconcile: { automatic: false },
  });
  for (const id of ['fern', 'moss']) await tenancy.catalog.create({ id, name: id });
  await tenancy.reconcile();
  await tenancy.stop();
  service = await madeLogin(database);
  sound = { url: service.url, ownerUrl: database.url };
  const { rows } = await database.admin.query<{ code: string }>(
    "select upper(name) || '_OFF' as code from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off'",
  );
  ofTheServer = rows.map(({ code }) => code);
});
afterAll(() => logins.dropWithDatabase());

const undo: string[] = [];
afterEach(async () => {
  for (const sql of undo.splice(0).toReversed()) await database.admin.query(sql);
});

/** `severity CODE` of each finding, without those of the tests' own server. */
async function found(target: DoctorTarget = sound): Promise<string[]> {
  return named(await readFacts(target));
}

function named(facts: DoctorFacts): string[] {
  return findingsOf(facts)
    .filter(({ code }) => !ofTheServer.includes(code))
    .map(({ severity, code }) => `${severity} ${code}`);
}

it('finds nothing where an owner and a plain login are apart and the database is as Tenantry makes it', async () => {
  expect(await found()).toEqual([]);
});

it('says that processes hold the owner’s URL where there is one URL only', async () => {
  expect(await found({ url: database.url })).toEqual(['weak ONE_URL']);
});

it.each<[string, string, string]>([
  [
    'unsafe SERVICE_ROLE_REACHES_TENANTS',
    'grant usage on schema fern_shop to :service',
    'revoke usage on schema fern_shop from :service',
  ],
  [
    'unsafe TENANTS_PUBLIC',
    'grant select on fern_shop.widget to public',
    'revoke select on fern_shop.widget from public',
  ],
  [
    'unsafe TENANTS_PUBLIC',
    'grant usage on schema moss_shop to public',
    'revoke usage on schema moss_shop from public',
  ],
  ['unsafe SERVICE_ROLE_BYPASSES_RLS', 'alter role :service bypassrls', 'alter role :service nobypassrls'],
  ['unsafe SERVICE_ROLE_CREATES_ROLES', 'alter role :service createrole', 'alter role :service nocreaterole'],
  [
    'unsafe SERVICE_ROLE_OWNS_TENANTS',
    'create schema authorization :service; alter schema :service rename to lost_shop',
    'drop schema lost_shop',
  ],
  [
    'weak PUBLIC_SCHEMA_WRITABLE',
    'grant create on schema public to public',
    'revoke create on schema public from public',
  ],
  [
    'weak HARDENING_INCOMPLETE',
    'grant execute on function pg_catalog.set_config(text, text, boolean) to public',
    'revoke execute on function pg_catalog.set_config(text, text, boolean) from public',
  ],
  [
    'weak HARDENING_INCOMPLETE',
    'grant execute on function pg_catalog.pg_try_advisory_lock_shared(integer, integer) to public',
    'revoke execute on function pg_catalog.pg_try_advisory_lock_shared(integer, integer) from public',
  ],
  [
    'weak HARDENING_INCOMPLETE',
    'grant execute on function pg_catalog.pg_lock_status() to public',
    'revoke execute on function pg_catalog.pg_lock_status() from public',
  ],
  [
    'note EVENT_TRIGGERS',
    "create function watch() returns event_trigger language plpgsql as 'begin end'; create event trigger watch on ddl_command_end execute function watch()",
    'drop event trigger watch; drop function watch()',
  ],
  ['unsafe TENANT_ROLES_ENTANGLED', 'grant fern_shop to moss_shop', 'revoke fern_shop from moss_shop'],
  ['unsafe TENANT_ROLES_ENTANGLED', 'grant pg_read_all_data to fern_shop', 'revoke pg_read_all_data from fern_shop'],
  [
    'unsafe TENANT_ROLES_ENTANGLED',
    'grant fern_shop to ":service.catalog"',
    'revoke fern_shop from ":service.catalog"',
  ],
  [
    'unsafe SHARED_SCHEMA_UNFIT',
    "update tenantry.service set shared_schemas = '{nowhere}'",
    "update tenantry.service set shared_schemas = '{}'",
  ],
  [
    'unsafe SHARED_SCHEMA_UNFIT',
    "create schema ext; update tenantry.service set shared_schemas = '{ext}'",
    "update tenantry.service set shared_schemas = '{}'; drop schema ext",
  ],
  [
    'unsafe SHARED_SCHEMA_UNFIT',
    "update tenantry.service set shared_schemas = '{fern_shop}'",
    "update tenantry.service set shared_schemas = '{}'",
  ],
  [
    'unsafe SHARED_SCHEMA_WRITABLE',
    "create schema ext; grant usage, create on schema ext to public; update tenantry.service set shared_schemas = '{ext}'",
    "update tenantry.service set shared_schemas = '{}'; drop schema ext",
  ],
  [
    'weak HARDENING_UNDONE',
    'grant execute on function pg_catalog.pg_advisory_lock(bigint) to :service',
    'revoke execute on function pg_catalog.pg_advisory_lock(bigint) from :service',
  ],
  [
    'weak HARDENING_UNDONE',
    'grant execute on function pg_catalog.set_config(text, text, boolean) to fern_shop',
    'revoke execute on function pg_catalog.set_config(text, text, boolean) from fern_shop',
  ],
  [
    'weak HARDENING_INCOMPLETE',
    'grant temporary on database :database to public',
    'revoke temporary on database :database from public',
  ],
  [
    'weak SEARCH_PATH_PRESET',
    'alter role :service set search_path = fern_shop',
    'alter role :service reset search_path',
  ],
  [
    'weak SEARCH_PATH_PRESET',
    'alter database :database set search_path = public, fern_shop',
    'alter database :database reset search_path',
  ],
  [
    'unsafe CATALOG_UNFIT',
    'insert into tenantry.catalog_version values (999, true)',
    'delete from tenantry.catalog_version where version = 999',
  ],
])('finds: %s, after %s, and no more afterwards', async (expected, provoke, repair) => {
  const filled = (sql: string) => sql.replaceAll(':service', service.role).replaceAll(':database', database.name);
  undo.push(filled(repair));
  await database.admin.query(filled(provoke));
  expect(await found()).toContain(expected);
  await database.admin.query(filled(undo.pop() ?? ''));
  expect(await found()).toEqual([]);
});

it('finds a grant of a tenant’s role that inherits, where the login’s own attribute would not stop it', async () => {
  const { rows } = await database.admin.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const newer = (rows[0]?.version ?? 0) >= 160_000;
  // Before 16 it is the login that inherits, or not.
  undo.push(newer ? `grant fern_shop to ${service.role} with inherit false` : `alter role ${service.role} noinherit`);
  await database.admin.query(
    newer ? `grant fern_shop to ${service.role} with inherit true` : `alter role ${service.role} inherit`,
  );
  const findings = await found();
  expect(findings).toContain('unsafe SERVICE_ROLE_REACHES_TENANTS');
  expect(findings.includes('unsafe SERVICE_ROLE_INHERITS')).toBe(!newer);
});

it('finds that a superuser serves, and that the owner does', async () => {
  const findings = await found({ url: database.url, ownerUrl: database.url });
  expect(findings).toEqual(expect.arrayContaining(['unsafe SERVICE_ROLE_SUPERUSER', 'unsafe OWNER_SERVES']));
});

it('finds a database without a catalog', async () => {
  const empty = await createTestDatabase();
  try {
    await empty.admin.query('drop schema tenantry cascade');
    expect(
      await found({ url: loginUrl(empty, service.role, new URL(service.url).password), ownerUrl: empty.url }),
    ).toEqual(['unsafe CATALOG_UNFIT']);
  } finally {
    await empty.admin.query(
      'create schema tenantry; create table tenantry.tenant_schema (role_name text, schema_name text); create table tenantry.service_login (role_name text)',
    );
    await empty.drop();
  }
});

it('calls isolation by name what it is', async () => {
  expect(await found({ ...sound, isolation: 'schema' })).toEqual(['unsafe ISOLATION_BY_NAME']);
});

it('counts the connections of all processes', async () => {
  expect(await found({ ...sound, serving: { connections: 20, processes: 50 } })).toEqual(['weak CONNECTIONS_TOO_MANY']);
  expect(await found({ ...sound, serving: { listenUrl: false } })).toEqual(['note LISTENS_TO_NOTHING']);
});

it('reads what the tests’ own server is set to', async () => {
  const codes = findingsOf(await readFacts(sound)).map(({ code }) => code);
  expect(codes.toSorted()).toEqual(ofTheServer.toSorted());
});

/** Healthy, and then one thing different that a test cannot do to a server which others use. */
const durable = { fsync: true, fullPageWrites: true, synchronousCommit: true };
it.each<[string, Partial<ServerFacts>]>([
  ['unsafe FSYNC_OFF', { fsync: false }],
  ['unsafe FULL_PAGE_WRITES_OFF', { fullPageWrites: false }],
  ['weak SYNCHRONOUS_COMMIT_OFF', { synchronousCommit: false }],
  ['unsafe POSTGRESQL_TOO_OLD', { version: 140_012 }],
  ['note POSTGRESQL_UNTESTED', { version: 190_000 }],
  [
    'weak LOCKS_TOO_FEW',
    { tables: 100_000, maxConnections: 100, maxLocksPerTransaction: 64, maxPreparedTransactions: 0 },
  ],
])('finds: %s, with %j, and nothing without it', async (expected, change) => {
  const facts = await readFacts(sound);
  const healthy = { ...facts, service: { ...facts.service, inherit: false }, server: { ...facts.server, ...durable } };
  const codes = (changed: DoctorFacts) => findingsOf(changed).map(({ severity, code }) => `${severity} ${code}`);
  expect(codes(healthy)).toEqual([]);
  expect(codes({ ...healthy, server: { ...healthy.server, ...change } })).toEqual([expected]);
});

it('names the number of locks that is needed', async () => {
  const facts = await readFacts(sound);
  const server = {
    ...facts.server,
    tables: 100_000,
    maxConnections: 100,
    maxLocksPerTransaction: 64,
    maxPreparedTransactions: 0,
  };
  const finding = findingsOf({ ...facts, server }).find(({ code }) => code === 'LOCKS_TOO_FEW');
  expect(finding?.change).toContain('max_locks_per_transaction to 1200');
});

it('never takes a pooler that tracks the search path for a wall', async () => {
  const facts = await readFacts(sound);
  const tracking = (version: number, ...tracked: string[]) =>
    findingsOf({ ...facts, server: { ...facts.server, ...durable, version }, pooling: { ...facts.pooling, tracked } });
  for (const version of [150_000, 160_000, 170_004]) {
    expect(tracking(version, 'intervalstyle', 'search_path')).toMatchObject([
      { code: 'TRACKED_PARAMETERS_INERT', severity: 'unsafe' },
    ]);
  }
  expect(tracking(180_000, 'search_path')).toMatchObject([{ code: 'TRACKED_PARAMETERS_UNNEEDED', severity: 'note' }]);
  expect(tracking(180_000, 'search_path', 'role')).toMatchObject([{ code: 'TRACKED_PARAMETERS_INERT' }]);
  expect(tracking(180_000, 'intervalstyle')).toEqual([]);
  const words = [150_000, 180_000]
    .flatMap((version) => tracking(version, 'search_path', 'role'))
    .map(({ sentence }) => sentence);
  expect(words.join(' ')).not.toMatch(/\bok\b|\bsafe\b/i);
});
