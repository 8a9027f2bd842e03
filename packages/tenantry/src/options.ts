import { z } from 'zod';
import { TenancyError } from './errors/tenancy-error.js';
import { defaultLargeTableRows } from './fleet/large-tables.js';
import type { MigrationList } from './migrations/tenant-migration.js';
import { parseServiceName } from './tenant/service-name.js';

/** Where Tenantry writes what it did; `console` and Nest's `Logger` fit. */
export interface TenancyLogger {
  log(message: string): void;
  warn(message: string): void;
}

/** A schema that lives once per database. Its entities name it: `schema: 'geo'`. */
export interface SharedSchema {
  /** Its name. */
  schema: string;
  /** Migrations by name, in order; their DDL is unqualified. */
  migrations: MigrationList;
  /** Whether code in a tenant scope may read its tables. It may never write them. @default false */
  readableByTenants?: boolean;
}

/** Rows of a shared table that belong to one tenant: they are erased with it, and follow it to another id. */
export interface TenantRows {
  /** With its schema: `billing.invoice`. */
  table: string;
  /** The column with the tenant's id. */
  column: string;
}

/**
 * How a process takes part in tenancy. Resolved once at start and frozen.
 *
 * @example
 * const options: TenancyOptions = {
 *   url: 'postgres://shop@db/app',
 *   ownerUrl: 'postgres://owner@db/app',
 *   service: 'inventory',
 *   migrations: { '000001-item': ItemMigration },
 *   connectionsPerTenant: 4,
 * };
 */
export interface TenancyOptions {
  /** URL of the role that serves. When it is the only URL and may create roles, Tenantry makes a weaker role and serves with that. */
  url: string;
  /**
   * URL of the role that owns tenant schemas and runs DDL. A process without it serves, and leaves provisioning to others.
   *
   * @default `url`, where that role may create roles
   */
  ownerUrl?: string | undefined;
  /** Name of the service that owns one schema in every tenant. Without it, the process has no tenant data of its own. */
  service?: string | undefined;
  /** Migrations of the tenant schemas of `service`, by name, in order. */
  migrations?: MigrationList | undefined;
  /** A schema that all tenants of the database share, kept at head by this process. */
  shared?: SharedSchema | undefined;
  /**
   * Rows of shared tables that belong to one tenant. Kept in the catalog, so that any process can erase them with the
   * tenant, table by table in this order: first those that refer to others.
   *
   * @default what was declared before
   */
  tenantRows?: readonly TenantRows[] | undefined;
  /**
   * `role`: PostgreSQL refuses what belongs to another tenant. `schema`: tenants are kept apart by name only, a weaker
   * promise for servers where no roles can be made.
   *
   * @default 'role'
   */
  isolation?: 'role' | 'schema' | undefined;
  /**
   * Set it when `url` leads to PgBouncer in transaction mode: nothing is prepared by name, and notifications go through `listenUrl`.
   *
   * @default false
   */
  transactionPooler?: boolean | undefined;
  /**
   * URL for the listening connection, where `url` leads to a pooler; `false` listens to nothing and relies on `cache.ttlMs`.
   *
   * @default `url`; `ownerUrl` or `false` with `transactionPooler`
   */
  listenUrl?: string | false | undefined;
  /**
   * What becomes of a request for a tenant whose schema is behind this process's newest migration. `serve`: it is answered,
   * for changes that old tables can live with. `migrate`: the first request brings its tenant to head (needs the owner
   * role). `reject`: 503 with `Retry-After`, for that tenant only.
   *
   * @default 'serve'
   */
  onBehind?: 'serve' | 'migrate' | 'reject' | undefined;
  /**
   * Schemas on the search path after the tenant's own: for types and functions of extensions, and shared tables without their
   * schema's name. Tenants must be able to use them: PostgreSQL skips a schema that they may not use, and looks elsewhere.
   *
   * @default []
   */
  sharedSchemas?: readonly string[] | undefined;
  /** Most connections of this process, all included: the pool, one that listens, and the reconciler's. @default 10 */
  connections?: number | undefined;
  /** Of `connections`, how many the owner role may use. @default 2 */
  ownerConnections?: number | undefined;
  /**
   * Most connections that one tenant has at the same time. What is more waits for the tenant's own, at most
   * `acquireTimeoutMs`, and is then answered 429: a burst of one tenant leaves the rest of the pool to the others.
   * @default all of them
   */
  connectionsPerTenant?: number | undefined;
  /**
   * Seconds without use after which a connection is closed. A new backend reads each tenant's tables again, which costs the first
   * request of every tenant several times the processor time of the next; an idle one keeps its memory and its place on the
   * server. `connectionMaxAgeSeconds` and `connectionMaxUses` end it all the same.
   *
   * @default 300
   */
  connectionIdleSeconds?: number | undefined;
  /** Seconds after which a connection is replaced: a backend never gives back what it remembers of a table. @default 1800 */
  connectionMaxAgeSeconds?: number | undefined;
  /** Uses (requests, roughly) after which a connection is replaced. @default 50000 */
  connectionMaxUses?: number | undefined;
  /** Milliseconds to wait for a free connection before answering 503. @default 5000 */
  acquireTimeoutMs?: number | undefined;
  /** Milliseconds a statement may run; 0 is no limit. @default 30000 */
  statementTimeoutMs?: number | undefined;
  /** Milliseconds a transaction may wait for its next statement; 0 is no limit. @default 30000 */
  idleTransactionTimeoutMs?: number | undefined;
  /** Milliseconds one statement of a migration may run. @default 600000 */
  migrationTimeoutMs?: number | undefined;
  /** Milliseconds a migration waits for a lock before it gives up and is tried again later. @default 5000 */
  lockTimeoutMs?: number | undefined;
  /**
   * Milliseconds that a migration's statement outside a transaction, such as an index that is built concurrently, waits for
   * transactions of others; 0 is no limit. Nobody waits for it meanwhile. @default 300000
   */
  outsideWaitMs?: number | undefined;
  /** Rows from which a table is large: a rollout that would build an index on it while writers wait is refused. @default 100000 */
  largeTableRows?: number | undefined;
  /** What is remembered of tenants. */
  cache?: {
    /** Most tenants. @default 20000 */
    max?: number | undefined;
    /** Milliseconds an answer is good for when no notification arrives. @default 10000 */
    ttlMs?: number | undefined;
    /** The same for an unknown tenant. @default 2000 */
    negativeTtlMs?: number | undefined;
  };
  /** The reconciler, which runs where the owner role is at hand. */
  reconcile?: {
    /** Bring tenants to head by itself: at start, when a tenant signs up, and by a timer. @default true */
    automatic?: boolean | undefined;
    /** Milliseconds between two looks when nothing wakes it. @default 30000 */
    intervalMs?: number | undefined;
  };
  /** @default silent */
  logger?: TenancyLogger | undefined;
}

const positive = (max: number) => z.int().min(1).max(max);
const limitMs = z.int().min(0).max(86_400_000);
const day = 86_400_000;
/** The longest that a timer of Node can wait, in seconds. A longer one would fire at once. */
const timerSeconds = positive(2_147_483);

const optionsSchema = z.strictObject({
  url: z.string(),
  ownerUrl: z.string().optional(),
  service: z.string().transform(parseServiceName).optional(),
  migrations: z.custom<MigrationList>((value) => typeof value === 'object' && value !== null).default({}),
  shared: z
    .strictObject({
      schema: z.string().min(1).max(63),
      migrations: z.custom<MigrationList>(),
      readableByTenants: z.boolean().default(false),
    })
    .optional(),
  tenantRows: z
    .array(z.strictObject({ table: z.string(), column: z.string() }))
    .readonly()
    .optional(),
  isolation: z.enum(['role', 'schema']).default('role'),
  onBehind: z.enum(['serve', 'migrate', 'reject']).default('serve'),
  transactionPooler: z.boolean().default(false),
  listenUrl: z.union([z.string(), z.literal(false)]).optional(),
  sharedSchemas: z.array(z.string().min(1).max(63)).readonly().default([]),
  connections: z.int().min(4).max(1000).default(10),
  ownerConnections: positive(16).default(2),
  connectionsPerTenant: positive(1000).optional(),
  connectionIdleSeconds: timerSeconds.default(300),
  connectionMaxAgeSeconds: timerSeconds.default(1800),
  connectionMaxUses: positive(1e9).default(50_000),
  acquireTimeoutMs: positive(day).default(5000),
  statementTimeoutMs: limitMs.default(30_000),
  idleTransactionTimeoutMs: limitMs.default(30_000),
  migrationTimeoutMs: limitMs.default(600_000),
  lockTimeoutMs: limitMs.default(5000),
  outsideWaitMs: limitMs.default(300_000),
  largeTableRows: positive(1e12).default(defaultLargeTableRows),
  cache: z
    .strictObject({
      max: positive(1e7).default(20_000),
      ttlMs: positive(day).default(10_000),
      negativeTtlMs: positive(day).default(2000),
    })
    .prefault({}),
  reconcile: z
    .strictObject({ automatic: z.boolean().default(true), intervalMs: positive(day).default(30_000) })
    .prefault({}),
  logger: z.custom<TenancyLogger>().optional(),
});

/** {@link TenancyOptions} with every default filled in. */
export type ResolvedOptions = Readonly<z.output<typeof optionsSchema>>;

/**
 * Fills in defaults and checks every option; unknown ones are refused.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID`.
 */
export function resolveOptions(options: TenancyOptions): ResolvedOptions {
  const { success, data, error } = optionsSchema.safeParse(options);
  if (!success) {
    const [issue] = error.issues;
    const option = issue?.path.join('.') || (issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : 'options');
    throw new TenancyError('TENANCY_OPTION_INVALID', { option, reason: issue?.message ?? 'it is not understood' });
  }
  if (data.connections < data.ownerConnections + 2) {
    throw new TenancyError('TENANCY_OPTION_INVALID', {
      option: 'connections',
      reason: 'it must leave two for serving besides `ownerConnections`',
    });
  }
  return Object.freeze(data);
}
