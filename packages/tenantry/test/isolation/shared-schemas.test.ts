import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { type Login, Logins } from '../../../../test/support/logins.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { widgetEntities, widgetMigrations } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import type { TenancyOptions } from '../../src/options.js';

let database: TestDatabase;
let logins: Logins;
let service: Login;
const withCode = { ...widgetMigrations, '000009-code': migrationOf('alter table widget add column code citext') };
beforeAll(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  service = await logins.make('noinherit');
  await database.admin.query('create schema ext; create extension citext schema ext');
  const tenancy = await start({ sharedSchemas: [] });
  for (const id of ['acme', 'globex']) await tenancy.catalog.create({ id, name: id });
  await tenancy.reconcile();
  await tenancy.stop();
});
afterAll(() => logins.dropWithDatabase());

const start = (options: Partial<TenancyOptions>) =>
  Tenancy.start({
    url: service.url,
    ownerUrl: database.url,
    service: 'shop',
    migrations: widgetMigrations,
    reconcile: { automatic: false },
    ...options,
  });

/** How many rows with 'A' a tenant finds by 'a', in a column that does not care. */
const found = (tenancy: Tenancy, orm: MikroORM) =>
  tenancy.run('acme', async () => {
    const rows = await orm.em.fork().execute<object[]>("select 1 from widget where code = 'a'");
    return rows.length;
  });

describe('a schema on the search path of every tenant', () => {
  it.each([
    ['that does not exist', ['nowhere'], 'there is no schema "nowhere"'],
    ['that tenants may not use', ['public', 'ext'], 'grant usage on schema "ext" to public'],
    ['that is a tenant’s own', ['acme_shop'], '"acme_shop" is not for all tenants'],
    ['that is the catalog', ['tenantry'], '"tenantry" is not for all tenants'],
  ])('is refused at the start: one %s', async (_, sharedSchemas, reason) => {
    for (const ownerUrl of [database.url, undefined]) {
      await expect(start({ sharedSchemas, ownerUrl })).rejects.toMatchObject({
        code: 'TENANCY_OPTION_INVALID',
        operatorMessage: expect.stringMatching(/`sharedSchemas`.*/) as string,
        fields: { reason: expect.stringContaining(reason) as string },
      });
    }
  });

  it('is refused by name isolation where the login may not use it', async () => {
    await expect(
      start({ sharedSchemas: ['ext'], isolation: 'schema', url: service.url, ownerUrl: database.url }),
    ).rejects.toMatchObject({ fields: { reason: expect.stringContaining(`to "${service.role}"`) as string } });
  });

  it('is found by tenants once it was granted, so that types of an extension compare as they should', async () => {
    await database.admin.query('grant usage on schema ext to public');
    const tenancy = await start({ sharedSchemas: ['ext'], migrations: withCode });
    await tenancy.reconcile();
    await database.admin.query("insert into acme_shop.widget (name, code) values ('one', 'A')");
    const orm = await MikroORM.init(tenancy.orm({ entities: widgetEntities }));
    expect(await found(tenancy, orm)).toBe(1);
    // Without the wall: PostgreSQL says nothing, and finds nothing.
    await database.admin.query('revoke usage on schema ext from public');
    expect(await found(tenancy, orm)).toBe(0);
    await orm.close();
    await tenancy.stop();
  });
});
