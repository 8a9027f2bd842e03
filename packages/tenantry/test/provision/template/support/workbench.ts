import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../../../../test/support/database.js';
import { madeLogin } from '../../../../../../test/support/logins.js';
import { buildTemplate, type BuiltTemplate } from '../../../../src/provision/template/build-template.js';
import { readPicture, type SchemaPicture } from '../../../../src/provision/template/picture.js';
import { Provisioner } from '../../../../src/provision/provisioner.js';
import { compileMigrations } from '../../../../src/migrations/compile-migrations.js';
import { registerService } from '../../../../src/migrations/register-service.js';
import type { MigrationList, ShippedService } from '../../../../src/migrations/tenant-migration.js';
import { lockNames } from '../../../../src/postgres/lock-names.js';
import { Tenancy } from '../../../../src/tenancy.js';
import { parseServiceName } from '../../../../src/tenant/service-name.js';
import { parseTenantId } from '../../../../src/tenant/tenant-id.js';

/** A database to build templates on and to make tenants from them, without a process that does so by itself. */
export interface Workbench {
  readonly database: TestDatabase;
  ship(migrations: MigrationList, sharedSchemas?: readonly string[]): Promise<ShippedService>;
  build(shipped: ShippedService): Promise<BuiltTemplate>;
  /** Makes a tenant for real, from a template or by a replay, and reads what came of it. */
  make(shipped: ShippedService, template?: readonly string[]): Promise<{ tenant: string; picture: SchemaPicture }>;
  close(): Promise<void>;
}

/** Opens a workbench. Close it in `afterAll`. */
export async function openWorkbench(): Promise<Workbench> {
  const database = await createTestDatabase();
  const tenancy = await Tenancy.start({ url: database.url, reconcile: { automatic: false } });
  await tenancy.stop();
  const { role: serviceRole } = await madeLogin(database);
  const owner = new pg.Pool({ connectionString: database.url, max: 2, pipeline: true });
  owner.on('error', () => undefined);
  const { rows } = await owner.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const isolation = 'role' as const;
  const ground = {
    owner,
    isolation,
    serverVersion: rows[0]?.version ?? 0,
    lockTimeoutMs: 5000,
    statementTimeoutMs: 60_000,
  };
  let services = 0;
  return {
    database,
    async ship(migrations, sharedSchemas = []) {
      return { migrations: await compileMigrations('garden', migrations), sharedSchemas, serviceRole };
    },
    build: (shipped) => buildTemplate(ground, shipped, lockNames.template('test')),
    async make(shipped, template) {
      const service = parseServiceName(`garden${++services}`);
      const tenant = parseTenantId(`t${randomBytes(5).toString('hex')}`);
      const client = await owner.connect();
      await registerService(client, service, shipped);
      client.release();
      await owner.query('insert into tenantry.tenant (id, name) values ($1, $1)', [tenant]);
      const defaults = { ...ground, transactionPooler: false, classes: new Map() };
      const distrust = (_: unknown, __: unknown, reason: string) => {
        throw new Error(reason);
      };
      await new Provisioner(owner, defaults, { find: async () => template, distrust }).provision(
        tenant,
        service,
        shipped,
      );
      const schema = `${tenant}_${service}`;
      return { tenant, picture: await picture(owner, { schema, role: schema, serviceRole }) };
    },
    async close() {
      await owner.end();
      await database.drop();
    },
  };
}

async function picture(owner: pg.Pool, names: Parameters<typeof readPicture>[1]): Promise<SchemaPicture> {
  const client = await owner.connect();
  try {
    await client.query('begin');
    return await readPicture(client, names);
  } finally {
    await client.query('rollback');
    client.release();
  }
}
