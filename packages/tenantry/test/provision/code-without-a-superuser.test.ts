import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Migration } from '@mikro-orm/migrations';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { asLogin, type Login, Logins } from '../../../../test/support/logins.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { findingsOf } from '../../src/doctor/findings-of.js';
import { readFacts } from '../../src/doctor/read-facts.js';
import type { MigrationList } from '../../src/migrations/tenant-migration.js';
import type { TenancyOptions } from '../../src/options.js';
import { Tenancy } from '../../src/tenancy.js';

class Backfill extends Migration {
  override async up(): Promise<void> {
    this.addSql('create table tally (n int not null, by text not null)');
    const [found] = await this.execute('select count(*)::int as n from note');
    await this.execute('insert into tally values (?, current_user)', [found?.['n'] ?? 0]);
  }
}

class Again extends Migration {
  override async up(): Promise<void> {
    await this.execute("insert into tally values (100, current_user || '/' || session_user)");
    this.addSql('alter table tally add column later int');
  }
}

const notes = migrationOf('create table note (id int primary key)');
const first: MigrationList = { '000001-note': notes };
const coded: MigrationList = { ...first, '000002-backfill': Backfill };
const all: MigrationList = { ...coded, '000003-again': Again };

let database: TestDatabase;
let logins: Logins;
let owner: Login;
let service: Login;
let folder: string;
const running: Tenancy[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  await database.admin.query('drop schema tenantry cascade');
  [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
  folder = await mkdtemp(path.join(tmpdir(), 'tenantry-code-'));
});
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true });
  await logins.dropWithDatabase();
});

async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((each) => each.stop()));
}

async function start(migrations: MigrationList, options: Partial<TenancyOptions> = {}): Promise<Tenancy> {
  const tenancy = await Tenancy.start({
    service: 'shop',
    url: service.url,
    ownerUrl: owner.url,
    migrations,
    listenUrl: false,
    reconcile: { automatic: false },
    ...options,
  });
  running.push(tenancy);
  return tenancy;
}

async function makeTenant(tenancy: Tenancy): Promise<string> {
  const [id = ''] = freshIds(1);
  await tenancy.catalog.create({ id, name: id });
  expect(await tenancy.reconcile()).toMatchObject({ provisioned: 1, failures: [] });
  return id;
}

const tallyOf = async (id: string) =>
  (await database.admin.query<{ n: number; by: string }>(`select n, by from "${id}_shop".tally order by n`)).rows;

/** What the owner has of the tenant roles that it made. */
async function memberships(like = '%'): Promise<unknown[]> {
  const { rows } = await database.admin.query(
    `select distinct r.rolname as role, to_jsonb(m) ->> 'inherit_option' as inherit, to_jsonb(m) ->> 'set_option' as set
       from pg_auth_members m join pg_roles r on r.oid = m.roleid
      where m.member = $1::regrole and m.grantor = $1::regrole and r.rolname like $2 order by 1`,
    [owner.role, like],
  );
  return rows;
}

/** Switching only, from the version on that can say so. */
async function switching(...roles: string[]): Promise<unknown[]> {
  const [inherit, set] = (await atLeast16()) ? ['false', 'true'] : [null, null];
  return roles.toSorted().map((role) => ({ role, inherit, set }));
}

async function atLeast16(): Promise<boolean> {
  const { rows } = await database.admin.query<{ yes: boolean }>(
    "select current_setting('server_version_num')::int >= 160000 as yes",
  );
  return rows[0]?.yes ?? false;
}

it('rolls code out to tenants that were there before, as the tenant, and inherits nothing from it', async () => {
  const before = await start(first);
  const id = await makeTenant(before);
  await database.admin.query(`insert into "${id}_shop".note values (1), (2)`);
  const now = await start(coded);
  const done = await now.reconcile();
  expect(done).toMatchObject({ migrated: 1, failures: [] });
  expect(await tallyOf(id)).toEqual([{ n: 2, by: `${id}_shop` }]);
  expect(await memberships()).toEqual(await switching(`${id}_shop`));
  const later = await start(all);
  expect(await later.fleet.migrate().outcome).toMatchObject({ status: 'done', done: 1, failures: [] });
  expect(await tallyOf(id)).toEqual([
    { n: 2, by: `${id}_shop` },
    { n: 100, by: `${id}_shop/${owner.role}` },
  ]);
  // A right that it gave by hand: only who inherits from a role may take all of its rights back.
  await asLogin(owner, 'create schema extra');
  await asLogin(owner, `grant usage on schema extra to "${id}_shop"`);
  await later.tenants.erase(id, { now: true });
  expect(await actualState(database.admin, [id])).toEqual(nothing);
});

it('makes new tenants with it, clones, exports, imports, restores, renames and erases them', async () => {
  const tenancy = await start(all);
  const [cloned = '', imported = '', renamed = ''] = freshIds(3);
  const id = await makeTenant(tenancy);
  const before = await tallyOf(id);
  expect(before).toEqual([
    { n: 0, by: `${id}_shop` },
    { n: 100, by: `${id}_shop/${owner.role}` },
  ]);
  expect(await tenancy.copies.clone(id, cloned)).toMatchObject({ behind: [] });
  const file = path.join(folder, id);
  await tenancy.copies.export(id, { to: file });
  expect(await tenancy.copies.import({ from: file, as: imported })).toMatchObject({ behind: [] });
  for (const copy of [cloned, imported]) expect(await tallyOf(copy)).toEqual(before);
  expect(await tenancy.tenants.archive(id)).toMatchObject({ status: 'archived' });
  expect(await tenancy.tenants.restore(id)).toMatchObject({ status: 'active' });
  expect(await tenancy.tenants.rename(id, { to: renamed })).toMatchObject({ id: renamed });
  expect((await tenancy.fleet.drift()).drifted).toEqual([]);
  const here = [renamed, cloned, imported];
  for (const each of here) expect(await tenancy.run(each, () => tenancy.require().tenant.id)).toBe(each);
  for (const each of here) await tenancy.tenants.erase(each, { now: true });
  expect(await actualState(database.admin, [id, ...here])).toEqual(nothing);
});

it('takes a restored tenant and an imported one through code that came meanwhile', async () => {
  const old = await start(first, { service: 'late' });
  const [id = '', imported = ''] = freshIds(2);
  await old.catalog.create({ id, name: id });
  await old.reconcile();
  const file = path.join(folder, `${id}-late`);
  await old.copies.export(id, { to: file });
  await old.tenants.archive(id);
  const tenancy = await start(all, { service: 'late' });
  await tenancy.tenants.restore(id);
  expect(await tenancy.copies.import({ from: file, as: imported })).toMatchObject({ behind: [] });
  const { rows } = await database.admin.query(
    `select n from "${id}_late".tally union all select n from "${imported}_late".tally order by n`,
  );
  expect(rows.map(({ n }) => n)).toEqual([0, 0, 100, 100]);
  await tenancy.tenants.erase(id, { now: true });
  await tenancy.tenants.erase(imported, { now: true });
});

it('keeps what the owner gave itself before', async () => {
  const before = await start(first, { service: 'own' });
  const [id = ''] = freshIds(1);
  await before.catalog.create({ id, name: id });
  await before.reconcile();
  const sixteen = await atLeast16();
  await asLogin(owner, `grant "${id}_own" to ${owner.role}${sixteen ? ' with inherit true, set false' : ''}`);
  const tenancy = await start(all, { service: 'own' });
  expect(await tenancy.reconcile()).toMatchObject({ failures: [] });
  expect(await memberships('%\\_own')).toEqual([
    { role: `${id}_own`, inherit: sixteen ? 'true' : null, set: sixteen ? 'true' : null },
  ]);
  await tenancy.tenants.erase(id, { now: true });
});

it('joins the roles of many tenants when the service starts, so that no tenant pays for another’s change', async () => {
  const before = await start(first, { service: 'many' });
  const ids = freshIds(3);
  for (const id of ids) await before.catalog.create({ id, name: id });
  await before.reconcile();
  expect(await memberships('%\\_many')).toEqual([]);
  const tenancy = await start(all, { service: 'many' });
  expect(await memberships('%\\_many')).toEqual(await switching(...ids.map((id) => `${id}_many`)));
  for (const id of ids) await tenancy.tenants.erase(id, { now: true });
});

it('names the grant that is missing where somebody else made the tenant roles, and so does the doctor', async ({
  skip,
}) => {
  skip(!(await atLeast16()), 'Before 16 whoever may make roles may give every role.');
  const before = await start(first, { service: 'foreign' });
  const [id = ''] = freshIds(1);
  await before.catalog.create({ id, name: id });
  await before.reconcile();
  // As after a restore: the role is there, and its owner is only its schema's.
  const role = `"${id}_foreign"`;
  const { rows } = await database.admin.query<{ grantor: string }>(
    'select grantor::regrole::text as grantor from pg_auth_members where roleid = $1::regrole and member = $2::regrole',
    [role, owner.role],
  );
  await database.admin.query(`revoke ${role} from ${owner.role} granted by ${rows[0]?.grantor} cascade`);
  await database.admin.query(`grant ${role} to ${service.role} with inherit false`);
  const codes = async () =>
    findingsOf(await readFacts({ url: service.url, ownerUrl: owner.url }))
      .filter(({ code }) => code.startsWith('OWNER_'))
      .map(({ severity, code }) => `${severity} ${code}`);
  expect(await codes()).toEqual(['unsafe OWNER_KEPT_OUT']);
  const tenancy = await start(all, { service: 'foreign' });
  const missing = `grant ${role} to "${owner.role}" with admin option`;
  expect((await tenancy.reconcile()).failures).toMatchObject([{ reason: expect.stringContaining(missing) }]);
  await database.admin.query(missing);
  expect(await codes()).toEqual([]);
  expect(await tenancy.reconcile()).toMatchObject({ migrated: 1, failures: [] });
  await database.admin.query(`revoke ${role} from ${service.role}`);
  await tenancy.tenants.erase(id, { now: true });
});
