import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { databaseUrl } from '../../../../test/support/database.js';
import { widgetMigrations } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { type Logins, loginsOf } from './support/logins.js';

/** A database whose owner is no superuser, as a hosted one; nothing is installed in it. */
let admin: pg.Pool;
let logins: Logins;
let urls: { owner: string; first: string; second: string };
const name = `tenantry_test_${randomBytes(6).toString('hex')}`;

beforeAll(async () => {
  const server = new pg.Client({ connectionString: inject('serverUrl') });
  await server.connect();
  await server.query(`create database ${name}`);
  const url = databaseUrl(inject('serverUrl'), name);
  admin = new pg.Pool({ connectionString: url, max: 2 });
  logins = loginsOf({ name, url, admin });
  urls = {
    owner: await logins.create('owner', 'createrole'),
    first: await logins.create('first'),
    second: await logins.create('second'),
  };
  await server.query(`alter database ${name} owner to ${name}_owner`);
  await server.end();
});
afterAll(async () => {
  await admin.end();
  const server = new pg.Client({ connectionString: inject('serverUrl') });
  await server.connect();
  await server.query(`drop database ${name} with (force)`);
  await server.query('drop role if exists hosted_shop');
  await server.end();
  await logins.drop();
});

/** Starts a process, and returns what it warned of. */
async function start(url: string): Promise<{ tenancy: Tenancy; warnings: string[] }> {
  const warnings: string[] = [];
  const logger = { log: () => undefined, warn: (message: string) => warnings.push(message) };
  const options = {
    url,
    ownerUrl: urls.owner,
    service: 'shop',
    migrations: widgetMigrations,
    reconcile: { automatic: false },
    logger,
  };
  return { tenancy: await Tenancy.start(options), warnings };
}

async function run(connectionString: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(sql)).command;
  } finally {
    await client.end();
  }
}

describe('where the owner is no superuser', () => {
  let missing: string[];

  it('serves, closes what it may, and warns of the rest with the SQL for somebody who may', async () => {
    const { tenancy, warnings } = await start(urls.first);
    await tenancy.catalog.create({ id: 'hosted', name: 'Hosted' });
    await tenancy.reconcile();
    expect(await tenancy.run('hosted', () => tenancy.require().placement.schema)).toBe('hosted_shop');
    await tenancy.stop();
    missing = /until a superuser runs: (.*);$/s.exec(warnings.join('\n'))?.[1]?.split('; ') ?? [];
    expect(missing).toContain('revoke execute on function pg_catalog.set_config(text,text,boolean) from public');
    expect(missing).not.toContain(`revoke temporary on database ${name} from public`);
  });

  it('goes on serving once that was run, in its order, and warns no more', async () => {
    for (const sql of missing) await admin.query(sql);
    const { tenancy, warnings } = await start(urls.first);
    expect(await tenancy.run('hosted', () => tenancy.require().tenant.name)).toBe('Hosted');
    expect(warnings).toEqual([]);
    await tenancy.stop();
  });

  it('leaves the owner and who monitors what was taken from everybody', async () => {
    const taken = [
      'select pg_advisory_lock(1), pg_try_advisory_lock(7, 7), pg_advisory_unlock_all()',
      'select from pg_locks',
    ];
    await admin.query(`grant pg_monitor to ${name}_second`);
    const [owner, monitor, service] = [urls.owner, `${urls.second}?options=-c%20role%3Dpg_monitor`, urls.first];
    for (const sql of taken) expect(await run(owner, sql)).toBe('SELECT');
    expect(await run(monitor, taken[1] ?? '')).toBe('SELECT');
    for (const sql of taken) await expect(run(service, sql)).rejects.toThrow('permission denied for function');
    await admin.query(`revoke pg_monitor from ${name}_second`);
  });

  it('says what a service role still needs that came after', async () => {
    const starting = start(urls.second);
    await expect(
      starting.then(async ({ tenancy }) => {
        try {
          return await tenancy.catalog.list();
        } finally {
          await tenancy.stop();
        }
      }),
    ).rejects.toMatchObject({
      code: 'TENANCY_SCOPE_REFUSED',
      message: expect.stringContaining('grant execute on function pg_catalog.set_config') as string,
    });
  });
});

describe('where the owner is a superuser', () => {
  it('gives a service role that came after what it needs', async () => {
    urls = { ...urls, owner: databaseUrl(inject('serverUrl'), name) };
    const { tenancy, warnings } = await start(urls.second);
    expect(await tenancy.catalog.list()).toMatchObject([{ id: 'hosted' }]);
    expect(warnings).toEqual([]);
    await tenancy.stop();
  });
});

describe('a role that could read every tenant by itself', () => {
  it.each([
    ['superuser', 'is a superuser'],
    ['bypassrls', 'has BYPASSRLS'],
    ['createrole', 'has CREATEROLE'],
  ])('is refused: %s', async (option, reason) => {
    const url = await logins.create('strong', `noinherit ${option}`);
    const starting = start(url);
    await expect(starting).rejects.toMatchObject({ code: 'TENANCY_SERVICE_ROLE_UNFIT', fields: { reason } });
    await logins.create('strong', `no${option}`);
  });

  it('is refused when it is the owner', async () => {
    await admin.query(`alter schema hosted_shop owner to ${name}_second`);
    await expect(start(urls.second)).rejects.toMatchObject({
      code: 'TENANCY_SERVICE_ROLE_UNFIT',
      fields: { reason: 'owns tenant schemas' },
    });
    await admin.query(`alter schema hosted_shop owner to ${name}_owner`);
  });

  it('leaves nothing behind that was made for it', async () => {
    const { rows } = await admin.query('select rolname from pg_roles where rolname like $1', [`${name}_strong.%`]);
    expect(rows).toEqual([]);
  });

  it('without the wall: a superuser serves with isolation by name only', async () => {
    const url = await logins.create('strong', 'superuser');
    const weak = await Tenancy.start({
      url,
      isolation: 'schema',
      service: 'shop',
      migrations: widgetMigrations,
      reconcile: { automatic: false },
    });
    expect(await weak.catalog.list()).toMatchObject([{ id: 'hosted' }]);
    await weak.stop();
    await logins.create('strong', 'nosuperuser');
  });
});
