import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import type { MigrationKind } from '../migrations/tenant-migration.js';
import { one } from '../postgres/one.js';
import type { DriftSelector } from './drift-options.js';

/** One migration, as the catalog has it. */
export interface RegisteredMigration {
  readonly name: string;
  readonly checksum: string;
  readonly kind: MigrationKind;
  readonly statements: readonly string[];
}

/** One service, as the catalog has it. */
export interface RegisteredService {
  readonly name: string;
  readonly sharedSchemas: readonly string[];
  readonly migrations: readonly RegisteredMigration[];
}

/** What every comparison needs to know. */
export interface DriftGround {
  readonly services: ReadonlyMap<string, RegisteredService>;
  /** The role that looks: the owner role. */
  readonly owner: string;
  readonly serverVersion: number;
}

/**
 * Reads the services, and checks that what was selected exists.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID`.
 */
export async function readGround(client: pg.ClientBase, selector: DriftSelector): Promise<DriftGround> {
  const { rows } = await client.query<RegisteredService>(
    `select name, shared_schemas as "sharedSchemas",
            coalesce((select json_agg(json_build_object('name', name, 'checksum', checksum, 'kind', kind, 'statements', statements) order by position)
                        from tenantry.migration where service = s.name), '[]') as migrations
       from tenantry.service s order by name`,
  );
  const services = new Map(rows.map((service) => [service.name, service]));
  if (selector.service !== undefined && !services.has(selector.service)) {
    const known =
      rows.length === 0 ? 'none is' : `${rows.map(({ name }) => name).join(', ')} ${rows.length === 1 ? 'is' : 'are'}`;
    const reason = `no service "${selector.service}" is registered; ${known}`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'service', reason });
  }
  const unknown = await client.query<{ id: string }>(
    'select id from unnest($1::text[]) id where not exists (select from tenantry.tenant t where t.id = id.id)',
    [selector.tenants ?? []],
  );
  if (unknown.rows.length > 0) {
    const reason = `the catalog has no ${unknown.rows.map(({ id }) => `"${id}"`).join(', ')}`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'tenant', reason });
  }
  const facts = await client.query<{ owner: string; version: number }>(
    "select current_user::text as owner, current_setting('server_version_num')::int as version",
  );
  const { owner, version } = one(facts.rows, 'select current_user, …');
  return { services, owner, serverVersion: version };
}
