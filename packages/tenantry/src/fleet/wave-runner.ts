import { TenancyError } from '../errors/tenancy-error.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { translateError } from '../postgres/translate-error.js';
import type { SchemaName } from '../tenant/schema-name.js';
import type { Batch } from './batch-statements.js';
import { batchSizeFor } from './batch-size.js';
import { type FleetTenant, readHeads } from './fleet-tenant.js';
import { BatchMoved, migrateBatch } from './migrate-batch.js';
import { HeadNews } from './head-news.js';
import type { RolloutContext } from './rollout-context.js';
import type { RolloutPlan } from './rollout-plan.js';
import type { RolloutFailure } from './rollout-store.js';

/** What a {@link WaveRunner} tells about its tenants. */
export interface WaveEvents {
  done(tenants: readonly FleetTenant[]): void;
  failed(tenant: FleetTenant, failure: RolloutFailure): void;
  /** Whether no new batch may begin. */
  stopping(): boolean;
}

/** A batch that waits for its turn. */
interface Work {
  readonly tenants: readonly FleetTenant[];
  readonly attempt: number;
}

/** Times that one tenant alone is tried when a lock is in its way. */
const lockAttempts = 5;

/** Milliseconds that a batch waits for a lock: one busy tenant must not hold the locks of its neighbours up. */
const batchLockTimeoutMs = 250;

const retried = new Set<string | undefined>([
  sqlstate.lockNotAvailable,
  sqlstate.deadlockDetected,
  sqlstate.outOfSharedMemory,
]);

/** Takes the tenants of one wave to the plan's target, in batches over a few connections. */
export class WaveRunner {
  readonly #context: RolloutContext;
  readonly #plan: RolloutPlan;
  readonly #events: WaveEvents;
  readonly #news: HeadNews;
  #todo: Work[] = [];
  /** Batches that are being worked on, or wait for their next try: either may bring more work. */
  #open = 0;
  #idle: (() => void)[] = [];
  readonly #delays = new Set<NodeJS.Timeout>();

  constructor(context: RolloutContext, plan: RolloutPlan, events: WaveEvents) {
    this.#context = context;
    this.#plan = plan;
    this.#events = events;
    this.#news = new HeadNews(context.owner);
  }

  /**
   * @param concurrency - Batches at the same time, each on a connection.
   * @throws TenancyError `TENANCY_DATABASE_UNAVAILABLE`; everything else is a failure of one tenant.
   */
  async run(tenants: readonly FleetTenant[], concurrency: number): Promise<void> {
    this.#todo = this.#cut(tenants).map((batch) => ({ tenants: batch, attempt: 1 }));
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
      if (
        tenant.schema !== null &&
        batch &&
        batch.length < batchSizeFor(this.#pathFrom(tenant.head), this.#plan.direction)
      )
        batch.push(tenant);
      else {
        const begun = [tenant];
        batches.push(begun);
        if (tenant.schema !== null) open.set(tenant.head, begun);
      }
    }
    return batches;
  }

  #pathFrom(head: string | null): Batch['migrations'] {
    return this.#plan.groups.find(({ from }) => from === head)?.migrations ?? [];
  }

  async #take({ tenants, attempt }: Work): Promise<void> {
    const [first] = tenants;
    if (!first) return;
    try {
      if (first.schema === null) await this.#context.provision(first.tenant);
      else await this.#migrate(tenants);
      this.#events.done(tenants);
    } catch (error) {
      if (translateError(error)?.code === 'TENANCY_DATABASE_UNAVAILABLE') throw error;
      if (error instanceof BatchMoved) await this.#lookAgain(tenants, attempt);
      else if (tenants.length > 1) {
        // The culprit stands alone in the end, and the others are done.
        const middle = Math.ceil(tenants.length / 2);
        for (const half of [tenants.slice(0, middle), tenants.slice(middle)]) this.#later(half, 1, 0);
      } else if (attempt < lockAttempts && retried.has(sqlstateOf(error))) {
        this.#later(tenants, attempt + 1, 100 * 2 ** attempt * (0.5 + Math.random()));
      } else this.#events.failed(first, failureOf(first, error));
    }
  }

  #later(tenants: readonly FleetTenant[], attempt: number, delayMs: number): void {
    if (delayMs === 0) {
      this.#todo.push({ tenants, attempt });
      return;
    }
    this.#open++;
    const delay = setTimeout(() => {
      this.#delays.delete(delay);
      this.#todo.push({ tenants, attempt });
      this.#closed();
    }, delayMs);
    this.#delays.add(delay);
  }

  /** A statement outside a transaction is a step of its own; all the others of a batch are one transaction. */
  async #migrate(tenants: readonly FleetTenant[]): Promise<void> {
    const { direction, target } = this.#plan;
    const { lockTimeoutMs, shipped } = this.#context;
    const schemas = tenants.map(({ schema }) => schema).filter((schema) => schema !== null);
    const waitMs =
      tenants.length > 1 ? Math.min(batchLockTimeoutMs, lockTimeoutMs || batchLockTimeoutMs) : lockTimeoutMs;
    let from = tenants[0]?.head ?? null;
    for (const step of steps(this.#pathFrom(from), direction)) {
      const to = direction === 'up' ? (step.at(-1)?.name ?? null) : target;
      const batch: Batch = { direction, schemas, from, to, migrations: step, sharedSchemas: shipped.sharedSchemas };
      await migrateBatch(this.#context, batch, waitMs);
      this.#news.moved(tenants);
      from = to;
    }
  }

  /** Somebody else was there first: what is at the target now is done, the rest begins where it is. */
  async #lookAgain(tenants: readonly FleetTenant[], attempt: number): Promise<void> {
    const schemas = tenants.map(({ schema }) => schema).filter((schema): schema is SchemaName => schema !== null);
    const heads = await readHeads(this.#context.owner, schemas);
    for (const tenant of tenants) {
      const head = tenant.schema === null ? undefined : heads.get(tenant.schema);
      if (head === this.#plan.target) this.#events.done([tenant]);
      else if (head === undefined || attempt > lockAttempts || !this.#knows(head))
        this.#events.failed(tenant, failureOf(tenant, moved(tenant, head)));
      else this.#later([{ ...tenant, head }], attempt + 1, 0);
    }
  }

  #knows(head: string | null): boolean {
    return this.#plan.groups.some(({ from }) => from === head);
  }
}

function steps(path: Batch['migrations'], direction: Batch['direction']): Batch['migrations'][] {
  if (direction === 'down') return [path];
  const cut: Batch['migrations'][number][][] = [];
  for (const migration of path) {
    const last = cut.at(-1);
    if (!last || migration.kind === 'outside' || last[0]?.kind === 'outside') cut.push([migration]);
    else last.push(migration);
  }
  return cut;
}

function moved({ schema }: FleetTenant, head: string | null | undefined): TenancyError {
  if (head === undefined) return new TenancyError('TENANCY_SCHEMA_LOST', { schema: schema ?? 'unknown' });
  const found = `its head is "${head ?? 'none'}" now`;
  const reason = `somebody else changed it meanwhile: ${found}, or its ledger does not fit its head (tenantry drift shows it)`;
  return new TenancyError('TENANCY_MIGRATION_FAILED', { schema: schema ?? 'unknown', reason });
}

function failureOf({ tenant, schema }: FleetTenant, error: unknown): RolloutFailure {
  const reason = error instanceof Error ? error.message : String(error);
  const known =
    error instanceof TenancyError
      ? error
      : new TenancyError('TENANCY_MIGRATION_FAILED', { schema: schema ?? tenant, reason });
  return { tenant, code: known.code, reason: known.operatorMessage };
}
