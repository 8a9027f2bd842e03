import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import type { MigrationClass, ShippedService } from '../migrations/tenant-migration.js';
import { sendFlight } from '../postgres/flight.js';
import { lockNames } from '../postgres/lock-names.js';
import { inOneFlight } from '../postgres/one-flight.js';
import { one } from '../postgres/one.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { ownLockWaitMs, takeLock } from '../postgres/take-lock.js';
import { type Lender, onConnection, opening } from '../postgres/transaction.js';
import { translateError } from '../postgres/translate-error.js';
import { schemaNameOf } from '../tenant/schema-name.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';
import { type FoundSchema, lookAtSchema } from './look-at-schema.js';
import type { TemplateKeeper } from './template/template-keeper.js';
import { planProvision, type ProvisionPlan } from './provision-plan.js';
import { type ProvisionTarget } from './provision-target.js';
import { takeSteps } from './take-steps.js';

/** The same for every tenant of this process. */
export type ProvisionDefaults = Pick<ProvisionTarget, 'isolation' | 'serverVersion'> & {
  /** Milliseconds that DDL may wait for a lock, and that one statement may take. */
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** The owner's connections may lead through a pooler too: nothing is prepared by name then. */
  readonly transactionPooler: boolean;
  /** This process's migrations by name, for those that have code. */
  readonly classes: ReadonlyMap<string, MigrationClass>;
};

/** What became of one tenant's schema. */
export type ProvisionResult = Omit<ProvisionPlan, 'steps'> & {
  readonly tenant: TenantId;
  readonly service: ServiceName;
};

/** Finds what a new schema may be made from, and hears when that failed. */
export type Templates = Pick<TemplateKeeper, 'find' | 'distrust'>;

const attemptsMax = 3;

/** Makes one tenant's schema exist and be at head. The only code that does, whoever asks. */
export class Provisioner {
  readonly #owner: Lender;
  readonly #defaults: ProvisionDefaults;
  readonly #templates: Templates | undefined;
  /** By schema, and where to: a rollout may lead to another head than a request. */
  readonly #running = new Map<string, { readonly head: string | undefined; readonly done: Promise<ProvisionResult> }>();

  /**
   * @param owner - A pool of the owner role whose clients were made with `pipeline: true`.
   * @param templates - Without them every new schema is made by replaying migrations.
   */
  constructor(owner: Lender, defaults: ProvisionDefaults, templates?: Templates) {
    this.#owner = owner;
    this.#defaults = defaults;
    this.#templates = templates;
  }

  /**
   * Provisions or migrates. All of it is one transaction under an advisory lock per tenant and service: of many callers,
   * in any process, one does it and the others find it done; after a crash nothing is left.
   *
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_SCHEMA_TAKEN`, `TENANCY_SCHEMA_LOST`, `TENANCY_MIGRATION_CHANGED`,
   * `TENANCY_PROVISIONING_FAILED`, `TENANCY_DATABASE_UNAVAILABLE`.
   */
  provision(tenant: TenantId, service: ServiceName, shipped: ShippedService): Promise<ProvisionResult> {
    const schema = schemaNameOf(tenant, service);
    const head = shipped.migrations.at(-1)?.name;
    const running = this.#running.get(schema);
    if (running && running.head === head) return running.done;
    const before = running?.done.catch(() => undefined);
    const provision = () => this.#provisionPastClashes(tenant, service, shipped);
    const done = (before ? before.then(provision) : provision()).finally(() => {
      if (this.#running.get(schema)?.done === done) this.#running.delete(schema);
    });
    this.#running.set(schema, { head, done });
    return done;
  }

  /** Roles belong to the server, so no lock in this database keeps another database's tenant of the same id away. */
  async #provisionPastClashes(
    tenant: TenantId,
    service: ServiceName,
    shipped: ShippedService,
  ): Promise<ProvisionResult> {
    let template = await this.#findTemplate(service, shipped);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#provision(tenant, service, shipped, template);
      } catch (error) {
        if (isRoleClash(error) && attempt < attemptsMax) continue;
        if (template === undefined || !isOfTheStatements(error)) throw error;
        // A template relies on what is outside the schema, such as shared types, and that may have changed. The
        // migrations decide.
        template = undefined;
        this.#templates?.distrust(service, shipped, error.operatorMessage);
      }
    }
  }

  async #findTemplate(service: ServiceName, shipped: ShippedService): Promise<readonly string[] | undefined> {
    return this.#templates?.find(service, shipped).catch((error: unknown) => {
      throw translateError(error) ?? error;
    });
  }

  async #provision(
    tenant: TenantId,
    service: ServiceName,
    shipped: ShippedService,
    template: readonly string[] | undefined,
  ): Promise<ProvisionResult> {
    const schema = schemaNameOf(tenant, service);
    const provision = async (client: pg.PoolClient): Promise<ProvisionResult> => {
      const actual = await this.#lockAndLook(client, schema, tenant);
      const { steps, ...result } = planProvision({ ...this.#defaults, ...shipped, tenant, service, template }, actual);
      const rest = await takeSteps(client, steps, {
        ...this.#defaults,
        service,
        schema,
        path: [schema, ...shipped.sharedSchemas],
      });
      await sendFlight(client, [...rest, { text: 'commit' }]);
      return { ...result, tenant, service };
    };
    return onConnection(this.#owner, (client) =>
      provision(client).catch((error: unknown) => {
        throw provisioningError(error, schema);
      }),
    ).catch((error: unknown) => {
      throw translateError(error) ?? error;
    });
  }

  async #lockAndLook(client: pg.PoolClient, schema: string, tenant: TenantId): Promise<FoundSchema> {
    const { lockTimeoutMs, statementTimeoutMs, transactionPooler } = this.#defaults;
    const results = await inOneFlight(client, [
      ...opening({ statementTimeoutMs, lockTimeoutMs }),
      takeLock(lockNames.schema(schema), ownLockWaitMs(lockTimeoutMs)),
      { ...lookAtSchema(schema, tenant), ...(!transactionPooler && { name: 'tenantry_look' }) },
    ]);
    const actual = one((results.at(-1)?.rows ?? []) as FoundSchema[], 'what is there of a schema');
    if (!actual.active) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant });
    return actual;
  }
}

/**
 * Whether the statements themselves are wrong. A lock, a limit or a server that goes away may be gone the next time.
 */
function isOfTheStatements(error: unknown): error is TenancyError {
  if (!(error instanceof TenancyError) || error.code !== 'TENANCY_PROVISIONING_FAILED') return false;
  return !/^(?:40|53|55|57|XX)/.test(sqlstateOf(error.cause) ?? '40');
}

function provisioningError(error: unknown, schema: string): TenancyError {
  const translated = translateError(error);
  const meaningful = [
    'TENANCY_MIGRATION_NEEDS_SERVICE',
    'TENANCY_DATABASE_UNAVAILABLE',
    'TENANCY_LOCK_HELD',
    'TENANCY_TENANT_UNKNOWN',
    'TENANCY_SCHEMA_TAKEN',
    'TENANCY_SCHEMA_LOST',
    'TENANCY_MIGRATION_CHANGED',
  ];
  if (translated && meaningful.includes(translated.code)) return translated;
  const reason = error instanceof Error ? error.message : String(error);
  return new TenancyError('TENANCY_PROVISIONING_FAILED', { schema, reason }, { cause: error });
}

/** What PostgreSQL says when somebody else made, granted or dropped the same role between our look and our commit. */
const roleClashes: readonly (string | undefined)[] = [
  sqlstate.duplicateObject,
  sqlstate.undefinedObject,
  // "tuple concurrently updated": no code of its own.
  sqlstate.internalError,
];

/** Somebody made, granted or dropped the same role meanwhile: trying again helps. */
export function isRoleClash(error: unknown): boolean {
  const { code, table } = ((error as Error).cause ?? {}) as { code?: string; table?: string };
  if (code === sqlstate.uniqueViolation) return table === 'pg_authid' || table === 'pg_auth_members';
  return roleClashes.includes(code);
}
