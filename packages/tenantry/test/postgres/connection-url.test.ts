import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { widgetMigrations } from '../../../../test/support/widgets.js';
import { connectionTarget, withLogin } from '../../src/postgres/connection-url.js';
import { Tenancy } from '../../src/tenancy.js';

/** Every form of an address that `pg` reads. */
const forms = [
  'postgres://ann:secret@db.example:6432/shop',
  'postgresql://ann:secret@db.example/shop',
  'postgresql://db.example/shop?user=ann&password=secret&port=6432',
  'postgresql:///shop?host=db.example&user=ann&password=secret',
  'postgresql:///shop?host=/var/run/postgresql&user=ann',
  'postgresql:///shop?host=%2Fvar%2Frun%2Fpostgresql&user=ann',
  'postgresql://ann:secret@/shop?host=/var/run/postgresql',
  'postgresql://ann:secret@%2Fvar%2Frun%2Fpostgresql/shop',
  'postgresql://ann@%2Fvar%2Frun%2Fpostgresql:6432/shop',
  'postgres://ann:p%40ss%2Fw%3Ard%3F@db.example/shop',
  'postgres://ann:p%ss@db.example/shop',
  'postgres://[2001:db8::1]:6432/shop?user=ann',
  'postgres://a%20n%20n@db.example/my%20shop',
  'postgres://ann@db.example/shop?sslmode=disable',
  'postgres://ann@db.example/shop?sslmode=verify-full&application_name=shop&options=-c%20geqo%3Doff',
  'postgres://ann@db.example/shop?sslmode=no-verify&channel_binding=require&connect_timeout=10',
  'socket:/var/run/postgresql?db=shop&user=ann&encoding=utf8',
  '/var/run/postgresql shop',
];

/** Where a client of `pg` would connect, and as whom. */
function readByPg(connectionString: string): Record<string, unknown> {
  const client = new pg.Client({ connectionString }) as pg.Client & { connectionParameters: Record<string, unknown> };
  const { host, port, database, ssl, user, password } = client;
  const { application_name, options } = client.connectionParameters;
  return { host, port, database, ssl, user, password, application_name, options };
}

describe.each(forms)('%s', (url) => {
  it('names the database and the login that pg connects with', () => {
    const { database, user } = connectionTarget(url, 'url');
    const byPg = readByPg(url);
    expect(database).toBe(byPg['database']);
    if (user !== '') expect(user).toBe(byPg['user']);
    else expect(url).not.toMatch(/ann|a%20n/);
  });

  it('leads to the same place with another login, and with nothing of the first', () => {
    const login = { user: 'the service’s "own"', password: 's3cret_-word' };
    const changed = withLogin(url, login.user, login.password);
    expect(readByPg(changed)).toEqual({ ...readByPg(url), ...login });
    expect(connectionTarget(changed, 'url')).toMatchObject({ user: login.user });
  });
});

it.each([
  ['mysql://ann:hunter2@db.example/shop', /not a URL of PostgreSQL/],
  ['db.example/shop', /not a URL of PostgreSQL/],
  ['', /not a URL of PostgreSQL/],
  ['host=db.example dbname=shop password=hunter2', /a list of keywords/],
  ['postgres://ann:hunter2@db.example', /names no database/],
  ['postgres://ann:hunter2@db.example/', /names no database/],
  ['postgres://ann:hunter2@one.example,two.example/shop', /names several hosts/],
  ['postgres://ann:hunter2@one.example:1,two.example:2/shop', /names several hosts/],
  ['postgres:///shop?host=one.example,two.example&password=hunter2', /names several hosts/],
  ['postgres:///shop?host=one.example&port=1,2&password=hunter2', /names several hosts/],
  ['postgres:///shop?service=shop&password=hunter2', /"service", which `pg` does not read/],
  ['postgres://db.example/?dbname=shop&password=hunter2', /"dbname", which `pg` does not read/],
  ['postgres://db.example/shop?hostaddr=10.0.0.1&password=hunter2', /"hostaddr", which `pg` does not read/],
  ['postgres://ann:hunter#2@db.example/shop', /write %23/],
  ['postgres://ann:hunter2@db.example:port/shop', /cannot be read/],
  ['postgres://ann:hunter2@db.example/shop?sslrootcert=/no/such/file', /the file "\/no\/such\/file" that it names/],
])('refuses %s and says why, without the password', (url, reason) => {
  let thrown: unknown;
  try {
    connectionTarget(url, 'ownerUrl');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
    fields: { option: 'ownerUrl', reason: expect.stringMatching(reason) },
  });
  expect(String(thrown)).not.toMatch(/hunter/);
});

describe('an address without a host before the path', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await createTestDatabase()));
  afterAll(() => database.drop());

  it('serves with the login that was made, not with the owner’s', async () => {
    const { hostname, port, username, password, pathname } = new URL(database.url);
    const login = { host: hostname, port, user: decodeURIComponent(username), password: decodeURIComponent(password) };
    const url = `postgresql://${pathname}?${new URLSearchParams(login).toString()}`;
    const options = { service: 'shop', migrations: widgetMigrations, reconcile: { automatic: false } };
    const tenancy = await Tenancy.start({ url, ...options });
    await tenancy.catalog.create({ id: 'acme', name: 'Acme' });
    await tenancy.reconcile();
    const { rows } = await database.admin.query<{ usename: string }>(
      'select distinct usename from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    expect(rows.map(({ usename }) => usename)).toContain(`tenantry_${database.name}`);
    expect(await tenancy.run('acme', () => tenancy.require().tenant.id)).toBe('acme');
    await tenancy.stop();
  });
});
