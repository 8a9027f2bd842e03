import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { type Login, Logins } from '../../../../test/support/logins.js';
import { widgetEntities, widgetMigrations } from '../../../../test/support/widgets.js';
import { MikroORM } from '@mikro-orm/postgresql';
import { Tenancy } from '../../src/tenancy.js';

let database: TestDatabase;
let logins: Logins;
let [owner, service]: Login[] = [];
let tenancy: Tenancy;
let orm: MikroORM;
let [id, neighbour]: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  await database.admin.query('drop schema tenantry cascade');
  [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
  tenancy = await Tenancy.start({
    service: 'shop',
    url: service.url,
    ownerUrl: owner.url,
    migrations: widgetMigrations,
    listenUrl: false,
    reconcile: { automatic: false },
  });
  orm = await MikroORM.init(tenancy.orm({ entities: widgetEntities }));
});
afterAll(async () => {
  await orm.close();
  await tenancy.stop();
  await logins.dropWithDatabase();
});
beforeEach(async () => {
  [id = '', neighbour = ''] = freshIds(2);
  for (const each of [id, neighbour]) await tenancy.catalog.create({ id: each, name: each });
  expect(await tenancy.reconcile()).toMatchObject({ provisioned: 2, failures: [] });
  await database.admin.query(`insert into "${id}_shop".widget (name) values ('kept')`);
});

const sql = (text: string) =>
  database.admin.query(text.replaceAll('$role', `"${id}_shop"`).replaceAll('$login', service?.role ?? ''));
const names = () =>
  tenancy.run(id ?? '', () => orm.em.execute<{ name: string }[]>('select name from widget order by id'));

it.each([
  ['its role', 'drop owned by $role; drop role $role'],
  ['the grant of its role', 'revoke $role from $login granted by current_user; revoke $role from $login'],
  ['the right to use its schema', 'revoke usage on schema $role from $role'],
  [
    'every right, as in a dump without privileges',
    `revoke all on schema $role from $role; revoke all on all tables in schema $role from $role;
     alter default privileges for role $owner in schema $role revoke all on tables from $role`,
  ],
])('gives a tenant back what PostgreSQL lost: %s', async (_, loss) => {
  const asOwner = loss.includes('from $login');
  const text = loss.replaceAll('$owner', owner?.role ?? '');
  if (asOwner) await sql(`set role ${owner?.role}; revoke $role from $login; reset role`);
  else await sql(text);
  await expect(names()).rejects.toThrow();
  const report = await tenancy.reconcile();
  expect(report).toMatchObject({ provisioned: 0, migrated: 0, failures: [] });
  expect(report.changes).toMatchObject([{ tenant: id, service: 'shop', outcome: 'repaired' }]);
  expect(await names()).toEqual([{ name: 'kept' }]);
  expect((await tenancy.fleet.drift({ tenants: [id ?? ''] })).drifted).toEqual([]);
  expect(await tenancy.reconcile()).toMatchObject({ changes: [], failures: [] });
});

it('gives nothing to a tenant that is archived, and everything when it is restored', async () => {
  await tenancy.tenants.archive(id ?? '');
  expect(await tenancy.reconcile()).toMatchObject({ changes: [], failures: [] });
  await sql('drop owned by $role; drop role $role');
  expect(await tenancy.reconcile()).toMatchObject({ changes: [], failures: [] });
  await tenancy.tenants.restore(id ?? '');
  expect(await names()).toEqual([{ name: 'kept' }]);
});

it('says that a schema is lost to whoever reads and to whoever reconciles, and makes no empty one', async () => {
  await names();
  await sql('drop schema $role cascade');
  await expect(names()).rejects.toMatchObject({
    code: 'TENANCY_SCHEMA_LOST',
    operatorMessage: expect.stringContaining('Restore it from a backup') as string,
  });
  expect(await tenancy.reconcile()).toMatchObject({
    changes: [],
    failures: [{ tenant: id, service: 'shop', code: 'TENANCY_SCHEMA_LOST' }],
  });
  expect(await tenancy.tenants.erase(id ?? '', { now: true })).toMatchObject({ outcome: 'erased' });
});

it('says which role is missing, and who gives it back', async () => {
  await sql('drop owned by $role; drop role $role');
  await expect(names()).rejects.toMatchObject({
    code: 'TENANCY_SCOPE_REFUSED',
    operatorMessage: expect.stringMatching(/does not exist.*reconciles.*tenantry drift/) as string,
  });
});

it('serves a dump that was restored without its roles, by another login', async () => {
  await sql('drop owned by $role; drop role $role');
  const other = await logins.make('noinherit');
  const later = await Tenancy.start({
    service: 'shop',
    url: other.url,
    ownerUrl: owner?.url,
    migrations: widgetMigrations,
    listenUrl: false,
    reconcile: { automatic: false },
  });
  try {
    const report = await later.reconcile();
    expect(report.failures).toEqual([]);
    expect(report.changes).toContainEqual(expect.objectContaining({ tenant: id, outcome: 'repaired' }));
    expect(report.changes).toContainEqual(expect.objectContaining({ tenant: neighbour, outcome: 'granted' }));
    expect(await later.run(id ?? '', () => later.require().placement.role)).toBe(`${id}_shop`);
    // The login that served before is still a member of the other tenants' roles: that is drift's to say.
    const found = (await later.fleet.drift()).drifted.flatMap(({ differences }) => differences);
    expect(found.filter(({ words }) => !words.includes('is a member of the tenant role'))).toEqual([]);
  } finally {
    await later.stop();
  }
});
