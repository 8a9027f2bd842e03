import { ephemeralPostgres } from '@tenantry/host/local-postgres';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { templateDatabase } from './database.js';
import { installTemplate } from './install-template.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of a superuser in the database `postgres` of the server that the tests use. */
    serverUrl: string;
  }
}

/** One server for all tests: the embedded one, or the one that TEST_DATABASE_URL names (a superuser's URL). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_DATABASE_URL'];
  const server = given === undefined ? await ephemeralPostgres() : { url: given, stop: async () => undefined };
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`drop database if exists ${templateDatabase} with (force)`);
  await admin.query(`create database ${templateDatabase}`);
  await installTemplate(server.url);
  await admin.end();
  project.provide('serverUrl', server.url);
  return async () => {
    const last = new pg.Client({ connectionString: server.url });
    await last.connect();
    await last.query(`drop database if exists ${templateDatabase} with (force)`);
    const { rows } = await last.query<{ datname: string }>(
      "select datname from pg_database where datname like 'tenantry\\_test\\_%'",
    );
    await last.end();
    await server.stop();
    if (rows.length > 0)
      throw new Error(`Tests left databases behind: ${rows.map(({ datname }) => datname).join(', ')}`);
  };
}
