import { ephemeralPostgres } from '@tenantry/host/local-postgres';
import pg from 'pg';

/** A database to measure on, empty. */
export interface BenchDatabase {
  readonly url: string;
  /** A superuser's connection; named, so that it can be told from the services'. */
  readonly admin: pg.Client;
  readonly version: string;
  close(): Promise<void>;
}

/** `BENCH_DATABASE_URL` (a superuser's), or an embedded PostgreSQL that need not survive a power cut. */
export async function openBenchDatabase(
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchDatabase> {
  const given = process.env['BENCH_DATABASE_URL'];
  const server = given
    ? { url: given, stop: async () => undefined }
    : await ephemeralPostgres({ settings: { shared_buffers: '512MB', max_files_per_process: '20000', ...settings } });
  const database = `tenantry_bench_${name}`;
  const first = await connect(server.url);
  await first.query(`drop database if exists ${database} with (force)`);
  await first.query(`create database ${database}`);
  await first.end();
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const admin = await connect(url.href);
  const { rows } = await admin.query<{ version: string }>("select current_setting('server_version') as version");
  const close = async () => {
    const roles = await admin
      .query<{ role: string }>('select role_name as role from tenantry.tenant_schema')
      .catch(() => ({ rows: [] }));
    await admin.end();
    const last = await connect(server.url);
    await last.query(`drop database if exists ${database} with (force)`);
    if (given) for (const { role } of roles.rows) await last.query(`drop role if exists ${pg.escapeIdentifier(role)}`);
    await last.end();
    await server.stop();
  };
  return { url: url.href, admin, version: rows[0]?.version ?? 'unknown', close };
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: 'bench' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
