import path from 'node:path';
import type { AuthoringTarget } from '../migrations/authoring/authoring-target.js';
import type { LoadedConfig, ServiceConfig } from './config.js';
import { UsageError } from './usage-error.js';

/** What every part of every service writes its migrations for, where the config names a folder. */
export function authoringTargets({ config, folder }: LoadedConfig): AuthoringTarget[] {
  const everyShared = Object.values(config.services).flatMap(({ shared }) => (shared ? [shared.schema] : []));
  return Object.entries(config.services).flatMap(([service, given]) =>
    partsOf(given).map(({ migrationsDir, ...part }) => ({
      ...part,
      service,
      folder: path.resolve(folder, migrationsDir),
      entities: given.entities ?? [],
      orm: given.orm,
      sharedSchemas: [...new Set([...(given.sharedSchemas ?? []), ...everyShared])],
    })),
  );
}

type Part = Pick<AuthoringTarget, 'part' | 'schema' | 'migrations'> & { migrationsDir: string };

function partsOf({ migrations = {}, migrationsDir, shared }: ServiceConfig): Part[] {
  const parts: Part[] = [];
  if (migrationsDir !== undefined) parts.push({ part: 'tenant', schema: '*', migrations, migrationsDir });
  if (shared?.migrationsDir !== undefined) {
    const { schema, migrations: ofShared, migrationsDir: dir } = shared;
    parts.push({ part: 'shared', schema, migrations: ofShared, migrationsDir: dir });
  }
  return parts;
}

/**
 * The one part that a command is for.
 *
 * @throws UsageError
 */
export function authoringTarget(loaded: LoadedConfig, service: string, part: 'tenant' | 'shared'): AuthoringTarget {
  const known = serviceOf(loaded, service);
  const found = authoringTargets(loaded).find((target) => target.service === service && target.part === part);
  const option = part === 'shared' ? 'shared.migrationsDir' : 'migrationsDir';
  if (!found) {
    const other = part === 'tenant' && known.shared ? '; its shared migrations are written with --shared' : '';
    throw new UsageError(`services.${service} in the config names no \`${option}\`${other}.`);
  }
  if (!known.entities) throw new UsageError(`services.${service} in the config names no \`entities\`.`);
  return found;
}

/** @throws UsageError when the config has no such service. */
export function serviceOf({ config }: LoadedConfig, service: string): ServiceConfig {
  const known = Object.hasOwn(config.services, service) ? config.services[service] : undefined;
  if (known) return known;
  throw new UsageError(
    `There is no service "${service}" in the config; it has: ${Object.keys(config.services).join(', ') || 'none'}.`,
  );
}
