import pg from 'pg';
import { migrationChanged } from '../migrations/register-service.js';
import type { TenancyOptions } from '../options.js';
import { connectionTarget } from '../postgres/connection-url.js';
import { connectError } from '../postgres/translate-error.js';
import { Tenancy } from '../tenancy.js';
import { parseServiceName, type ServiceName } from '../tenant/service-name.js';
import type { CliDatabase, LoadedConfig, ServiceConfig } from './config.js';
import { UsageError } from './usage-error.js';

/** A service of the config that has tenant data. */
export interface FleetService {
  readonly name: ServiceName;
  readonly config: ServiceConfig;
}

/**
 * The services that a command is about: the one named, or all that have migrations of tenant schemas.
 *
 * @throws UsageError
 */
export function fleetServices({ config }: LoadedConfig, named: string | undefined): FleetService[] {
  if (named !== undefined && !config.services[named]?.migrations) {
    const known = Object.keys(config.services).filter((name) => config.services[name]?.migrations);
    throw new UsageError(
      `The config has no service "${named}" with tenant data; it has ${known.join(', ') || 'none'}.`,
    );
  }
  return Object.entries(config.services)
    .filter(([name, { migrations }]) => migrations !== undefined && (named === undefined || name === named))
    .map(([name, service]) => ({ name: parseServiceName(name), config: service }));
}

/** Options with which a command takes part: it serves nobody, listens to nothing and reconciles only what it is asked to. */
export function tenancyOptionsFor(
  { url, ownerUrl, config }: CliDatabase & LoadedConfig,
  { name, config: service }: FleetService,
  concurrency: number,
): TenancyOptions {
  const { migrations, shared, sharedSchemas, tenantRows } = service;
  const { migrationsDir: _folder, ...sharedSchema } = shared ?? { schema: '', migrations: {} };
  return {
    url,
    ownerUrl,
    service: name,
    migrations,
    ...(shared && { shared: sharedSchema }),
    ...(sharedSchemas && { sharedSchemas }),
    ...(tenantRows && { tenantRows }),
    isolation: config.isolation,
    largeTableRows: config.largeTableRows,
    listenUrl: false,
    reconcile: { automatic: false },
    // Two more than work: one leads, and one looks at what the others wait for.
    ownerConnections: Math.min(16, concurrency + 2),
    connections: concurrency + 5,
  };
}

/**
 * Runs code with the fleet of one service.
 *
 * @param concurrency - Connections of the owner role that work at the same time.
 */
export async function withFleet<T>(
  database: CliDatabase & LoadedConfig,
  service: FleetService,
  concurrency: number,
  fn: (tenancy: Tenancy) => Promise<T>,
): Promise<T> {
  const tenancy = await Tenancy.start(tenancyOptionsFor(database, service, concurrency));
  try {
    return await fn(tenancy);
  } finally {
    await tenancy.stop();
  }
}

/** One connection of the owner role, for commands that only look. */
export async function withOwner<T>({ url, ownerUrl }: CliDatabase, fn: (owner: pg.Client) => Promise<T>): Promise<T> {
  const target = connectionTarget(ownerUrl ?? url, ownerUrl === undefined ? 'url' : 'ownerUrl');
  const client = new pg.Client({ connectionString: target.url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect().catch((error: unknown) => {
      throw connectError(error, ownerUrl === undefined ? 'DATABASE_URL' : 'DATABASE_OWNER_URL');
    });
    return await fn(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Whether the catalog is there and already has what a service ships: then a look at the fleet needs nothing else. */
export async function isRegistered(
  owner: pg.Client,
  { name }: FleetService,
  checksums: readonly { name: string; checksum: string }[],
): Promise<boolean> {
  try {
    const { rows } = await owner.query<{ name: string; checksum: string }>(
      'select name, checksum from tenantry.migration where service = $1 order by position',
      [name],
    );
    for (const [index, row] of rows.entries()) {
      const shipped = checksums[index];
      if (shipped && (shipped.name !== row.name || shipped.checksum !== row.checksum)) {
        throw migrationChanged(name, row.name, shipped.name);
      }
    }
    return rows.length >= checksums.length && checksums.length > 0;
  } catch (error) {
    // 42P01, 3F000: there is no catalog yet.
    const { code } = error as { code?: string };
    if (code === '42P01' || code === '3F000') return false;
    throw error;
  }
}
