import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EntityName } from '@mikro-orm/core';
import type { ServingFacts } from '../doctor/doctor-facts.js';
import type { AdoptConfig } from '../adopt/adopt-config.js';
import type { MigrationList } from '../migrations/tenant-migration.js';
import type { SharedSchema, TenantRows } from '../options.js';
import type { TenantOrmOptions } from '../orms/mikro-orm/orm-options.js';
import { UsageError } from './usage-error.js';

/** The database that commands work on. */
export interface CliDatabase {
  /** URL of the role that serves, or of the only one. */
  readonly url: string;
  /** URL of the owner role. @default `url` */
  readonly ownerUrl?: string | undefined;
  /** Called when the command is over. */
  stop?(): Promise<void>;
}

/** What the CLI needs to know of one service. */
export interface ServiceConfig {
  /** The migrations of its tenant schemas, by name, in order; none for a service without tenant data. */
  readonly migrations?: MigrationList | undefined;
  /** Folder of these migrations, relative to the config file, for `tenantry migration create`. */
  readonly migrationsDir?: string | undefined;
  /** Its entities: tenant entities have the schema `*`, shared ones name theirs. For `tenantry migration create` and `check`. */
  readonly entities?: readonly EntityName[] | undefined;
  /** The options that it gives MikroORM, where they shape its tables: naming strategy, metadata provider. @default none */
  readonly orm?: TenantOrmOptions | undefined;
  /** Schemas on the search path after the tenant's own. @default [] */
  readonly sharedSchemas?: readonly string[] | undefined;
  /** As in `TenancyOptions`. */
  readonly tenantRows?: readonly TenantRows[] | undefined;
  /** The schema that all tenants share, with its own migrations in its own folder. */
  readonly shared?: (SharedSchema & { readonly migrationsDir?: string | undefined }) | undefined;
}

/** The default export of `tenantry.config.js`. */
export interface TenantryConfig {
  /** @default the environment's DATABASE_URL and DATABASE_OWNER_URL */
  readonly database?: (() => CliDatabase | Promise<CliDatabase>) | undefined;
  /** By name. */
  readonly services: Readonly<Record<string, ServiceConfig>>;
  /** As in `TenancyOptions`. @default 'role' */
  readonly isolation?: 'role' | 'schema' | undefined;
  /** As in `TenancyOptions`. @default 100000 */
  readonly largeTableRows?: number | undefined;
  /** How processes serve, for `tenantry doctor`. @default one process with the defaults of `TenancyOptions` */
  readonly serving?: ServingFacts | undefined;
  /** Shared tables that `tenantry adopt` takes apart into the tenant schemas of one of the services. */
  readonly adopt?: AdoptConfig | undefined;
}

/** A config and the folder that its paths are relative to. */
export interface LoadedConfig {
  readonly config: TenantryConfig;
  readonly folder: string;
}

/**
 * Types a config; returns it as it is.
 *
 * @example
 * export default defineConfig({ services: { inventory: { migrations: { '000001-item': ItemMigration } } } });
 */
export function defineConfig(config: TenantryConfig): TenantryConfig {
  return config;
}

const names = ['tenantry.config.js', 'tenantry.config.mjs', 'tenantry.config.ts'];

/**
 * Loads the config of `--config`, or the nearest `tenantry.config.js` (`.mjs`, `.ts`) from a folder upward.
 *
 * @throws UsageError
 */
export async function loadConfig(cwd: string, given: string | undefined): Promise<LoadedConfig> {
  const file = given === undefined ? nearest(cwd) : path.resolve(cwd, given);
  if (file === undefined || !existsSync(file)) {
    const missing = given === undefined ? `There is no ${names[0]} in ${cwd} or above it` : `There is no file ${given}`;
    throw new UsageError(`${missing}; write one, or name it with --config.`);
  }
  const loaded = (await import(pathToFileURL(file).href)) as { default?: TenantryConfig };
  const config = loaded.default;
  if (typeof config?.services !== 'object') {
    throw new UsageError(
      `${path.basename(file)} exports no config; write: export default defineConfig({ services: { … } }).`,
    );
  }
  return { config, folder: path.dirname(file) };
}

function nearest(folder: string): string | undefined {
  const found = names.map((name) => path.join(folder, name)).find((file) => existsSync(file));
  const parent = path.dirname(folder);
  return found ?? (parent === folder ? undefined : nearest(parent));
}
