import pg from 'pg';
import { inject } from 'vitest';
import type { TestDatabase } from '../../../../../test/support/database.js';

/** Logins of one test file's own. Drop them after the database, whose rights they have. */
export interface Logins {
  /** Makes a login, or changes one, and returns its URL. */
  create(name: string, options?: string): Promise<string>;
  drop(): Promise<void>;
}

/** Names are local to the database: roles are the server's, and test files run side by side. */
export function loginsOf(database: Pick<TestDatabase, 'name' | 'url' | 'admin'>): Logins {
  const made: string[] = [];
  return {
    async create(name, options = 'noinherit') {
      const role = `${database.name}_${name}`;
      if (!made.includes(role)) await database.admin.query(`create role ${role} login password 'test'`);
      await database.admin.query(`alter role ${role} ${options}`);
      made.push(role);
      const url = new URL(database.url);
      url.username = role;
      url.password = 'test';
      return url.href;
    },
    async drop() {
      const server = new pg.Client({ connectionString: inject('serverUrl') });
      await server.connect();
      // In one statement: who granted something is needed by who was granted it.
      const roles = made.flatMap((role) => [role, `"${role}.catalog"`]);
      if (roles.length > 0) await server.query(`drop role if exists ${roles.join(', ')}`);
      await server.end();
    },
  };
}
