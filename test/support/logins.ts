import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestDatabase } from './database.js';

/** A login made for one test file. */
export interface Login {
  readonly role: string;
  /** To the test's database. */
  readonly url: string;
}

/** Logins of one test file, on the database of that file. */
export class Logins {
  readonly #database: TestDatabase;
  readonly #made: string[] = [];

  constructor(database: TestDatabase) {
    this.#database = database;
  }

  /** @param attributes - As of `create role`: `noinherit createrole`. */
  async make(attributes: string): Promise<Login> {
    const [role, password] = [`test_login_${randomBytes(6).toString('hex')}`, randomBytes(9).toString('hex')];
    await this.#database.admin.query(`create role ${role} login password '${password}' ${attributes}`);
    this.#made.push(role);
    return { role, url: loginUrl(this.#database, role, password) };
  }

  /** A login that may own tenant schemas, as a hosted PostgreSQL hands it out: no superuser. */
  async makeOwner(): Promise<Login> {
    const login = await this.make('createrole');
    await this.#database.admin.query(
      `grant create on database ${pg.escapeIdentifier(this.#database.name)} to ${login.role}`,
    );
    return login;
  }

  /** Drops the database first: only then does nothing belong to its logins any more. */
  async dropWithDatabase(): Promise<void> {
    const last = new pg.Client({ connectionString: this.#database.url.replace(/\/[^/]*$/, '/postgres') });
    await this.#database.drop();
    await last.connect();
    for (const role of this.#made) await last.query(`drop role ${role}`);
    await last.end();
  }
}

/** The same database, another login. */
export function loginUrl(database: TestDatabase, role: string, password: string): string {
  const url = new URL(database.url);
  [url.username, url.password] = [role, password];
  return url.href;
}

/** The login that Tenantry made for serving, password included. */
export async function madeLogin(database: TestDatabase): Promise<Login> {
  const { rows } = await database.admin.query<{ role: string; password: string }>(
    'select role_name as role, password from tenantry.service_login',
  );
  const { role = '', password = '' } = rows[0] ?? {};
  return { role, url: loginUrl(database, role, password) };
}

/** Runs one statement as a login, past the gate. */
export async function asLogin(login: Login, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: login.url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
