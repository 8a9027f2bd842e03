import type { MigrationList } from 'tenantry';
import { planProvision } from '../packages/tenantry/dist/provision/provision-plan.js';
import { compileMigrations } from '../packages/tenantry/dist/migrations/compile-migrations.js';
import type { ServiceName } from '../packages/tenantry/dist/tenant/service-name.js';
import { parseTenantId } from '../packages/tenantry/dist/tenant/tenant-id.js';
import type { BenchDatabase } from './database.ts';

/** The statements that make one tenant. */
export type StatementsOf = (id: string) => readonly string[];

/** Exactly what provisioning executes for a tenant that is not there yet: role, grants, schema, migrations, ledger. */
export async function provisioningOf(
  service: ServiceName,
  migrations: MigrationList,
  { admin, url }: BenchDatabase,
): Promise<StatementsOf> {
  const compiled = await compileMigrations(service, migrations);
  const { rows } = await admin.query<{ role: string; version: number }>(
    "select role_name as role, current_setting('server_version_num')::int as version from tenantry.service_login",
  );
  const [login] = rows;
  if (!login) throw new Error(`No service login in ${new URL(url).pathname}`);
  const nothing = {
    grantedTo: null,
    schemaExists: false,
    roleExists: false,
    roleIsForeign: false,
    usable: false,
    granted: false,
    ledger: [],
  };
  return (id) => {
    const shipped = { migrations: compiled, serviceRole: login.role, sharedSchemas: [] };
    const target = {
      ...shipped,
      tenant: parseTenantId(id),
      service,
      isolation: 'role',
      serverVersion: login.version,
    } as const;
    return planProvision(target, nothing).steps.flatMap((step) =>
      'statements' in step ? step.statements.map(({ text }) => text) : [],
    );
  };
}
