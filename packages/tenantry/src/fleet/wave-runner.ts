import { TenancyError } from '../errors/tenancy-error.js';
import { backOffMs, mayPass } from '../postgres/contention.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { translateError } from '../postgres/translate-error.js';
import { type SchemaName, schemaNameOf } from '../tenant/schema-name.js';
import type { Batch } from './batch-statements.js';
import { batchSizeFor } from './batch-size.js';
import { failureOf, type StatementError } from './failure-of.js';
import { type FleetTenant, readHeads } from './fleet-tenant.js';
import { HeadNews } from './head-news.js';
import { BatchMoved, migrateBatch } from './migrate-batch.js';
import { type Course, cutPath, migrationPath } from './migration-path.js';
import type { BlockedBackend } from './open-transaction.js';
import type { ServiceContext } from './service-context.js';
import type { RolloutFailure } from './rollout-failure.js';
import { WaitWatch } from './wait-watch.js';

/** What a {@link WaveRunner} tells about its tenants. */
export interface WaveEvents {
  /** Tells that these tenants are at the target. */
  done(tenants: readonly FleetTenant[]): void;
  /** @param error - The same for whoever throws. */
  failed(tenant: FleetTenant, failure: RolloutFailure, error: TenancyError): void;
  /** Whether no new batch may begin. */
  stopping(): boolean;
  /** Tells that a tenant waits for a lock. */
  blocked?(tenant: FleetTenant, blocked: BlockedBackend): void;
}

/** A batch that waits for its turn. */
interface Work {
  readonly tenants: readonly FleetTenant[];
  /** The head of all of them, which moves with every step that was committed. */
  head: string | null;
  readonly attempt: number;
  /** Each migration has a transaction of its own. */
  readonly apart: boolean;
}

/** Times that one tenant alone is tried when a lock is in its way. */
const lockAttempts = 5;

/** Milliseconds that a batch waits for a lock: one busy tenant must not hold the locks of its neighbours up. */
const batchLockTimeoutMs = 250;

/** What PostgreSQL refuses until a transaction ends: a new value of an enum, a change of a table whose triggers still wait. */
const refusedTogether = new Set<string | undefined>([sqlstate.unsafeNewEnumValue, sqlstate.objectInUse]);

/** Takes the tenants of one wave to the plan's target, in batches over a few connections. */
export class WaveRunner {
  readonly #context: ServiceContext;
  readonly #course: Course;
  readonly #events: WaveEvents;
  readonly #news: HeadNews;
  #todo: Work[] = [];
  /** Batches that are being worked on, or wait for their next try: either may bring more work. */
  #open = 0;
  #idle: (() => void)[] = [];
  readonly #delays = new Set<NodeJS.Timeout>();

  constructor(context: ServiceContext, course: Course, events: WaveEvents) {
    this.#context = context;
    this.#course = course;
    this.#events = events;
    this.#news = new HeadNews(context.owner);
  }

  /**
   * @param concurrency - Batches at the same time, each on a connection.
   * @throws TenancyError `TENANCY_DATABASE_UNAVAILABLE`; everything else is a failure of one tenant.
   */
  async run(tenants: readonly FleetTenant[], concurrency: number): Promise<void> {
    this.#todo = this.#cut(tenants).map((batch) => workOn(batch));
    let gone: unknown;
    const work = async () => {
      while (!gone && !this.#events.stopping() && this.#todo.length + this.#open > 0) {
        const next = this.#todo.shift();
        if (!next) {
          await new Promise<void>((resolve) => this.#idle.push(resolve));
          continue;
        }
        this.#open++;
        await this.#take(next).catch((error: unknown) => {
          gone ??= error;
        });
        this.#closed();
      }
    };
    this.#news.start();
    await Promise.all(Array.from({ length: concurrency }, work));
    await this.#news.stop();
    for (const delay of this.#delays) clearTimeout(delay);
    this.#delays.clear();
    this.#open = 0;
    if (gone) throw translateError(gone) ?? gone;
  }

  #closed(): void {
    this.#open--;
    for (const wake of this.#idle.splice(0)) wake();
  }

  /** Batches of tenants with the same head, in the order of the wave. */
  #cut(tenants: readonly FleetTenant[]): FleetTenant[][] {
    const open = new Map<string | null, FleetTenant[]>();
    const batches: FleetTenant[][] = [];
    for (const tenant of tenants) {
      const batch = open.get(tenant.head);
      const most = batchSizeFor(this.#pathFrom(tenant.head) ?? [], this.#course.direction);
      if (tenant.schema !== null && batch && batch.length < most) batch.push(tenant);
      else {
        const begun = [tenant];
        batches.push(begun);
        if (tenant.schema !== null) open.set(tenant.head, begun);
      }
    }
    return batches;
  }

  #pathFrom(head: string | null): Batch['migrations'] | undefined {
    return migrationPath(this.#context.shipped.migrations, this.#course, head);
  }

  async #take(work: Work): Promise<void> {
    const { tenants } = work;
    const [first] = tenants;
    if (!first) return;
    try {
      if (first.schema === null) return await this.#provision(work, first);
      await this.#migrate(work);
      this.#events.done(tenants);
    } catch (error) {
      if (translateError(error)?.code === 'TENANCY_DATABASE_UNAVAILABLE') throw error;
      if (error instanceof BatchMoved) await this.#lookAgain(work);
      else this.#tryAgain(work, first, error);
    }
  }

  /** Another process may have made the schema meanwhile, at another head. */
  async #provision(work: Work, { tenant, head }: FleetTenant): Promise<void> {
    const { provision, service } = this.#context;
    await provision(tenant, this.#course.target);
    await this.#lookAgain({ ...work, tenants: [{ tenant, head, schema: schemaNameOf(tenant, service) }] });
  }

  #tryAgain(work: Work, first: FleetTenant, error: unknown): void {
    const { tenants, attempt, apart } = work;
    if (tenants.length > 1) {
      // Halved until the tenant that fails stands alone; the others are done then.
      const middle = Math.ceil(tenants.length / 2);
      for (const half of [tenants.slice(0, middle), tenants.slice(middle)])
        this.#later({ ...work, tenants: half, attempt: 1 }, 0);
    } else if (!apart && refusedTogether.has(sqlstateOf(error))) this.#later({ ...work, apart: true }, 0);
    else if (attempt < lockAttempts && mayPass(error) && !hasWaitedOutside(error)) {
      this.#later({ ...work, attempt: attempt + 1 }, backOffMs(attempt));
    } else this.#failed(first, error);
  }

  #failed(tenant: FleetTenant, error: unknown): void {
    this.#events.failed(tenant, ...failureOf(tenant, error));
  }

  #later(work: Work, delayMs: number): void {
    if (delayMs === 0) {
      this.#todo.push(work);
      return;
    }
    this.#open++;
    const delay = setTimeout(() => {
      this.#delays.delete(delay);
      this.#todo.push(work);
      this.#closed();
    }, delayMs);
    this.#delays.add(delay);
  }

  /** Step by step: a step that was committed is not done again when the next one fails. */
  async #migrate(work: Work): Promise<void> {
    const { direction } = this.#course;
    const { lockTimeoutMs, shipped } = this.#context;
    const { tenants, apart } = work;
    const schemas = tenants.map(({ schema }) => schema).filter((schema) => schema !== null);
    const waitMs =
      tenants.length > 1 ? Math.min(batchLockTimeoutMs, lockTimeoutMs || batchLockTimeoutMs) : lockTimeoutMs;
    const path = this.#pathFrom(work.head);
    if (!path) throw new BatchMoved();
    const watch = new WaitWatch(this.#context.owner, (blocked) => {
      if (tenants[0]) this.#events.blocked?.(tenants[0], blocked);
    });
    for (const { migrations, to } of cutPath(shipped.migrations, path, direction, apart)) {
      const { sharedSchemas } = shipped;
      const batch: Batch = { direction, schemas, from: work.head, to, migrations, sharedSchemas };
      await migrateBatch(this.#context, batch, waitMs, watch);
      this.#news.moved(tenants);
      work.head = to;
    }
  }

  /**
   * Another process changed these tenants. Those that are at the target now are done, and the others begin at the head
   * that they have.
   */
  async #lookAgain({ tenants, attempt }: Work): Promise<void> {
    const schemas = tenants.map(({ schema }) => schema).filter((schema): schema is SchemaName => schema !== null);
    const heads = await readHeads(this.#context.owner, schemas);
    for (const tenant of tenants) {
      const head = tenant.schema === null ? undefined : heads.get(tenant.schema);
      if (head === this.#course.target) this.#events.done([tenant]);
      else if (head === undefined || attempt > lockAttempts || !this.#pathFrom(head))
        this.#failed(tenant, moved(tenant, head));
      else this.#later(workOn([{ ...tenant, head }], attempt + 1), 0);
    }
  }
}

/**
 * Whether an index outside a transaction has used up its wait. It is not tried again at once, because it would have to
 * be built from the beginning.
 */
function hasWaitedOutside(error: unknown): boolean {
  return sqlstateOf(error) === sqlstate.lockNotAvailable && ((error as StatementError).outside ?? false);
}

function workOn(tenants: readonly FleetTenant[], attempt = 1): Work {
  return { tenants, head: tenants[0]?.head ?? null, attempt, apart: false };
}

function moved({ schema }: FleetTenant, head: string | null | undefined): TenancyError {
  if (head === undefined) return new TenancyError('TENANCY_SCHEMA_LOST', { schema: schema ?? 'unknown' });
  const found = `its head is "${head ?? 'none'}" now`;
  const reason = `somebody else changed it meanwhile: ${found}, or its ledger does not fit its head (tenantry drift shows it)`;
  const outcome = 'and was left as it is';
  return new TenancyError('TENANCY_MIGRATION_FAILED', { schema: schema ?? 'unknown', outcome, reason });
}
