import pg from 'pg';
import { createPostgreSqlTypeParsers } from '@mikro-orm/sql';
import { parse as parseArray } from 'postgres-array';
import { requireCatalog } from './catalog/install-catalog.js';
import { catalogRoleOf } from './isolation/catalog-role.js';
import { readLoginFacts, requireFitServiceRole, type LoginFacts } from './isolation/login-facts.js';
import { ScopedPool } from './isolation/scoped-pool.js';
import { readServiceLogin } from './isolation/service-role.js';
import { prepareDatabase } from './provision/prepare-database.js';
import type { ResolvedOptions } from './options.js';
import { type ConnectionTarget, connectionTarget, withLogin } from './postgres/connection-url.js';
import { keepAlive } from './postgres/keep-alive.js';
import { OwnerPool } from './postgres/owner-pool.js';
import { connectError, translateError } from './postgres/translate-error.js';

/** A process's connections to its database. */
export interface Database {
  readonly target: ConnectionTarget;
  readonly pool: ScopedPool;
  /** Of the owner role; only where this process may run DDL. */
  readonly owner: pg.Pool | undefined;
  readonly serviceRole: string;
  /** What code without a tenant runs as. */
  readonly catalogRole: string;
  readonly serverVersion: number;
}

/**
 * Connects a process: prepares the database where the owner role is at hand, and checks that the role which serves
 * cannot reach tenants by itself.
 *
 * @throws TenancyError `TENANCY_DATABASE_UNAVAILABLE`, `TENANCY_SERVICE_ROLE_UNFIT`, `TENANCY_CATALOG_MISSING`, `TENANCY_CATALOG_NEWER`.
 */
export async function openDatabase(options: ResolvedOptions): Promise<Database> {
  const target = connectionTarget(options.url, 'url');
  const facts = await withClient(target.url, readLoginFacts);
  const ownerUrl = ownerUrlOf(options, facts);
  if (!ownerUrl) return serve(options, target, undefined, facts);
  const owner = new OwnerPool({
    connectionString: connectionTarget(ownerUrl, 'ownerUrl').url,
    variable: options.ownerUrl === undefined ? 'DATABASE_URL' : 'DATABASE_OWNER_URL',
    max: options.ownerConnections,
    connectionTimeoutMillis: options.acquireTimeoutMs,
    idleTimeoutMillis: 10_000,
    maxLifetimeSeconds: options.connectionMaxAgeSeconds,
    pipeline: true,
    ...keepAlive,
  });
  try {
    return await prepareAndServe(options, target, owner, facts);
  } catch (error) {
    await owner.end();
    throw translateError(error) ?? error;
  }
}

/** Connections of the login that serves, and nothing else. */
export interface ServingConnections {
  readonly target: ConnectionTarget;
  readonly pool: ScopedPool;
}

/**
 * Connects as the login that serves, for a command that only looks: nothing is prepared, made or registered.
 *
 * @throws TenancyError `TENANCY_SERVICE_ROLE_UNFIT` where the only login is the owner's and none was made to serve yet.
 */
export async function openServing(options: ResolvedOptions): Promise<ServingConnections> {
  const target = connectionTarget(options.url, 'url');
  await withClient(target.url, requireCatalog);
  const facts = await withClient(target.url, readLoginFacts);
  const made = options.isolation === 'role' ? await withClient(target.url, readServiceLogin) : undefined;
  if (!made) return serve(options, target, undefined, facts);
  const serving = { ...target, url: withLogin(target.url, made.role, made.password), user: made.role };
  return serve(options, serving, undefined, await withClient(serving.url, readLoginFacts));
}

function ownerUrlOf({ url, ownerUrl, isolation }: ResolvedOptions, facts: LoginFacts): string | undefined {
  if (ownerUrl !== undefined) return ownerUrl;
  return facts.superuser || facts.createrole || isolation === 'schema' ? url : undefined;
}

async function prepareAndServe(
  options: ResolvedOptions,
  target: ConnectionTarget,
  owner: pg.Pool,
  facts: LoginFacts,
): Promise<Database> {
  const { isolation, ownerUrl, logger } = options;
  if (ownerUrl !== undefined && isolation === 'role') requireFitServiceRole(facts);
  const serviceRole = ownerUrl !== undefined || isolation === 'schema' ? facts.role : undefined;
  const client = await owner.connect();
  const prepared = await prepareDatabase(client, { database: target.database, isolation, serviceRole }).finally(() =>
    client.release(),
  );
  const { catalog, login, hardeningMissing } = prepared;
  if (catalog.after > catalog.before)
    logger?.log(`Catalog brought from version ${catalog.before} to ${catalog.after}.`);
  if (login?.created)
    logger?.log(`Made the role "${login.role}" to serve with: "${facts.role}" could read every tenant.`);
  if (hardeningMissing.length > 0) {
    logger?.warn(
      `One injected statement could leave its scope until a superuser runs: ${hardeningMissing.join('; ')};`,
    );
  }
  if (!login) return serve(options, target, owner, facts);
  const serving = { ...target, url: withLogin(target.url, login.role, login.password), user: login.role };
  return serve(options, serving, owner, await withClient(serving.url, readLoginFacts));
}

async function serve(
  options: ResolvedOptions,
  target: ConnectionTarget,
  owner: pg.Pool | undefined,
  facts: LoginFacts,
): Promise<Database> {
  await withClient(target.url, requireCatalog);
  if (options.isolation === 'role') requireFitServiceRole(facts);
  const catalogRole = options.isolation === 'role' ? catalogRoleOf(facts.role) : facts.role;
  const types = new pg.TypeOverrides();
  for (const [oid, parser] of Object.entries(createPostgreSqlTypeParsers((text) => parseArray(text))))
    types.setTypeParser(Number(oid), parser);
  const pool = new ScopedPool({
    connectionString: target.url,
    max: options.connections - (owner ? options.ownerConnections : 0) - (options.listenUrl === false ? 0 : 1),
    connectionTimeoutMillis: options.acquireTimeoutMs,
    maxPerTenant: options.connectionsPerTenant,
    idleTimeoutMillis: options.connectionIdleSeconds * 1000,
    maxLifetimeSeconds: options.connectionMaxAgeSeconds,
    maxUses: options.connectionMaxUses,
    types,
    ...keepAlive,
    gate: { ...options, catalogRole: options.isolation === 'role' ? catalogRole : 'none' },
  });
  return { target, pool, owner, serviceRole: facts.role, catalogRole, serverVersion: facts.version };
}

async function withClient<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect().catch((error: unknown) => {
      throw connectError(error, 'DATABASE_URL');
    });
    return await fn(client);
  } catch (error) {
    throw translateError(error) ?? error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
