import { setTimeout as sleep } from 'node:timers/promises';
import { type HeldLock, hold } from '../postgres/held-lock.js';
import { lockNames } from '../postgres/lock-names.js';
import { translateError } from '../postgres/translate-error.js';
import { schemaNameOf } from '../tenant/schema-name.js';
import { type FleetTenant, readHeads } from './fleet-tenant.js';
import { requireUnopposed } from './judge-plan.js';
import { migrationPath } from './migration-path.js';
import { readOldTransactions } from './open-transaction.js';
import type { ServiceContext } from './service-context.js';
import type { RolloutEvent, RolloutOutcome } from './rollout-event.js';
import type { RolloutPlan, Wave } from './rollout-plan.js';
import type { RolloutStore } from './rollout-store.js';
import type { RolloutFailure } from './rollout-failure.js';
import type { RolloutOptions } from './rollout-options.js';
import type { FleetSelector } from './selector.js';
import { WaveRunner } from './wave-runner.js';

/** What a rollout runs with, besides its plan. */
export interface RolloutRun {
  readonly context: ServiceContext;
  readonly store: RolloutStore;
  readonly selector: FleetSelector;
  readonly options: RolloutOptions;
  /** Batches at the same time. */
  readonly concurrency: number;
  /** Ends the rollout after the batches in flight. */
  readonly signal?: AbortSignal | undefined;
  /** The rollout that this one continues. */
  readonly resumes?: number | undefined;
  /** Makes the plan; called again when somebody else led first, and may have done the work meanwhile. */
  plan(): Promise<RolloutPlan>;
  emit(event: RolloutEvent): void;
}

/** Milliseconds that a rollout waits for a database that went away. */
const patienceMs = 120_000;

/** Times in a row that it goes on after an interruption without having taken one tenant further. */
const interruptionsMax = 20;
const failuresListedMax = 1000;

/** Milliseconds from which a transaction is named before indexes are built: requests are over sooner. */
const oldFromMs = 1000;

/** Executes a plan wave by wave; what fails in one tenant stays there, and is counted. */
export class Rollout {
  readonly #run: RolloutRun;
  readonly #pending = new Map<string, FleetTenant>();
  /** Those that are at the target. */
  readonly #reached = new Map<string, FleetTenant>();
  readonly #failures: RolloutFailure[] = [];
  #failed = 0;
  #total = 0;
  #failuresMax: number | null = null;
  #id: number | null = null;
  #lock: HeldLock | undefined;
  #savedAt = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(run: RolloutRun) {
    this.#run = run;
  }

  async execute(): Promise<RolloutOutcome> {
    const begun = performance.now();
    const first = await this.#run.plan();
    this.#run.emit({ type: 'planned', plan: first });
    requireUnopposed(first);
    let end: Pick<RolloutOutcome, 'status' | 'reason'> = { status: 'done', reason: null };
    if (first.total > 0) {
      try {
        end = await this.#lead(first);
      } finally {
        await this.#lock?.release();
      }
    }
    const outcome: RolloutOutcome = {
      id: this.#id,
      ...end,
      total: this.#total,
      done: this.#done,
      failed: this.#failed,
      failures: this.#failures,
      tookMs: Math.round(performance.now() - begun),
    };
    this.#run.emit({ type: 'finished', outcome });
    return outcome;
  }

  get #done(): number {
    return this.#total - this.#pending.size - this.#failed;
  }

  async #lead(first: RolloutPlan): Promise<Pick<RolloutOutcome, 'status' | 'reason'>> {
    const { context, store, emit, signal, selector, options, resumes } = this.#run;
    let waited = false;
    const onWait = () => {
      waited = true;
      emit({ type: 'waiting' });
    };
    this.#lock = await hold(context.owner, lockNames.rollout(context.service), onWait, signal);
    if (!this.#lock) return { status: 'stopped', reason: 'it was stopped before it began' };
    const plan = waited ? await this.#run.plan() : first;
    requireUnopposed(plan);
    this.#total = plan.total;
    this.#failuresMax = plan.maxFailures;
    for (const { tenants } of plan.waves) for (const tenant of tenants) this.#pending.set(tenant.tenant, tenant);
    const { service, direction, target, total } = plan;
    if (total === 0 && resumes === undefined) return { status: 'done', reason: null };
    this.#id = resumes ?? (await store.open({ service, direction, target, selector, options, total }));
    if (resumes !== undefined) await store.forgetFailures(resumes);
    emit({ type: 'started', id: this.#id });
    if (
      plan.direction === 'up' &&
      plan.groups.some(({ migrations }) => migrations.some(({ kind }) => kind === 'outside'))
    ) {
      const transactions = await readOldTransactions(context.owner, oldFromMs).catch(() => []);
      if (transactions.length > 0) emit({ type: 'old-transactions', transactions });
    }
    for (const stray of plan.strays) this.#fail(stray, strayed(stray, service));
    const end = await this.#waves(plan);
    await this.#record(this.#id, end);
    return end;
  }

  /** Closes the rollout's record, and waits for a database that is away: what was done stands, and the record must say so. */
  async #record(id: number, { status, reason }: Pick<RolloutOutcome, 'status' | 'reason'>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#save();
        return await this.#run.store.close(id, status, reason);
      } catch (error) {
        const away = translateError(error);
        if (away?.code !== 'TENANCY_DATABASE_UNAVAILABLE' || attempt === interruptionsMax) throw error;
        this.#run.emit({ type: 'away', reason: away.message });
        if (!(await this.#comeBack())) throw error;
      }
    }
  }

  async #waves(plan: RolloutPlan): Promise<Pick<RolloutOutcome, 'status' | 'reason'>> {
    for (const wave of plan.waves) {
      this.#run.emit({ type: 'wave', name: wave.name, tenants: wave.tenants.length });
      const before = this.#failed;
      const away = await this.#wave(plan, wave);
      if (away !== undefined) return { status: 'stopped', reason: away };
      const failed = this.#failed - before;
      if (wave.name === 'canary' && failed > 0) {
        return { status: 'halted', reason: `${failed} of ${wave.tenants.length} canary tenants failed` };
      }
      if (this.#tooMany)
        return { status: 'halted', reason: `${this.#failed} tenants failed, more than --max-failures allows` };
      // If the last batch was in flight when the signal came, everything is done and nothing was stopped.
      if (this.#pending.size > 0 && this.#run.signal?.aborted)
        return { status: 'stopped', reason: 'its operator stopped it' };
    }
    if (this.#pending.size > 0) return { status: 'stopped', reason: `${this.#pending.size} tenants were left out` };
    return { status: this.#failed > 0 ? 'failed' : 'done', reason: null };
  }

  /** @returns Why it could not go on, when PostgreSQL stayed away. */
  async #wave(plan: RolloutPlan, { tenants, name }: Wave): Promise<string | undefined> {
    const canaryBefore = this.#failed;
    const runner = new WaveRunner(this.#run.context, plan, {
      done: (done) => this.#settled(done),
      failed: (tenant, failure) => this.#fail(tenant, failure),
      blocked: ({ tenant }, blocked) => this.#run.emit({ type: 'blocked', tenant, ...blocked }),
      stopping: () =>
        (this.#run.signal?.aborted ?? false) ||
        !this.#leads ||
        this.#tooMany ||
        (name === 'canary' && this.#failed > canaryBefore),
    });
    let left = tenants;
    for (let interruptions = 0; ;) {
      const before = this.#pending.size;
      let reason = 'the connection that leads it was lost';
      try {
        if (interruptions > 0) left = await this.#look(left, plan);
        await runner.run(left, this.#run.concurrency);
        if (this.#leads) {
          await this.#save();
          return undefined;
        }
      } catch (error) {
        reason = (translateError(error) ?? (error as Error)).message;
      }
      this.#run.emit({ type: 'away', reason });
      interruptions = this.#pending.size < before ? 1 : interruptions + 1;
      if (interruptions > interruptionsMax || !(await this.#comeBack(interruptions))) return reason;
    }
  }

  get #leads(): boolean {
    return this.#lock?.held ?? false;
  }

  /**
   * Of some tenants those that are still to be done: a batch may have been committed though its answer was lost, and what was
   * committed may be gone where a standby took over.
   */
  async #look(tenants: readonly FleetTenant[], plan: RolloutPlan): Promise<FleetTenant[]> {
    const { owner, service, shipped } = this.#run.context;
    const open = tenants.filter(({ tenant }) => this.#pending.has(tenant));
    const asked = [...open, ...this.#reached.values()].map((one) => ({
      ...one,
      found: one.schema ?? schemaNameOf(one.tenant, service),
    }));
    const heads = await readHeads(
      owner,
      asked.map(({ found }) => found),
    );
    const reached: FleetTenant[] = [];
    const left: FleetTenant[] = [];
    for (const { found, ...one } of asked) {
      const head = heads.get(found);
      const now = head === undefined ? one : { ...one, schema: found, head };
      const isBack = head === undefined ? one.schema === null : migrationPath(shipped.migrations, plan, head);
      if (head === plan.target) reached.push(now);
      else if (isBack || this.#pending.has(one.tenant)) left.push(now);
    }
    for (const one of left) {
      this.#reached.delete(one.tenant);
      this.#pending.set(one.tenant, one);
    }
    this.#settled(reached);
    return left;
  }

  /** Waits for PostgreSQL, and leads again. */
  async #comeBack(interruptions = 1): Promise<boolean> {
    const { context, emit, signal } = this.#run;
    await this.#lock?.release().catch(() => undefined);
    this.#lock = undefined;
    const until = performance.now() + patienceMs;
    for (
      let delay = Math.min(100 * interruptions, 2000);
      performance.now() < until && !signal?.aborted;
      delay = Math.min(delay * 2, 2000)
    ) {
      await sleep(delay, undefined, { signal }).catch(() => undefined);
      try {
        this.#lock = await hold(
          context.owner,
          lockNames.rollout(context.service),
          () => emit({ type: 'waiting' }),
          signal,
        );
        return this.#lock !== undefined;
      } catch (error) {
        if (translateError(error)?.code !== 'TENANCY_DATABASE_UNAVAILABLE') throw error;
      }
    }
    return false;
  }

  get #tooMany(): boolean {
    return this.#failuresMax !== null && this.#failed > this.#failuresMax;
  }

  #settled(tenants: readonly FleetTenant[]): void {
    for (const tenant of tenants) {
      this.#pending.delete(tenant.tenant);
      this.#reached.set(tenant.tenant, tenant);
    }
    this.#tell();
  }

  #fail({ tenant }: FleetTenant, failure: RolloutFailure): void {
    this.#pending.delete(tenant);
    this.#failed++;
    if (this.#failures.length < failuresListedMax) this.#failures.push(failure);
    this.#run.emit({ type: 'failure', ...failure });
    this.#tell();
  }

  #tell(): void {
    this.#run.emit({ type: 'progress', done: this.#done, failed: this.#failed, total: this.#total });
    if (performance.now() - this.#savedAt > 1000) void this.#save().catch(() => undefined);
  }

  async #save(): Promise<void> {
    this.#savedAt = performance.now();
    // Saved one after the other, so that an older state never overwrites a newer one.
    this.#saving = this.#saving
      .catch(() => undefined)
      .then(async () => {
        if (this.#id !== null) await this.#run.store.progress(this.#id, this.#done, this.#failures, this.#failed);
      });
    return this.#saving;
  }
}

function strayed({ tenant, head }: FleetTenant, service: string): RolloutFailure {
  const reason = `Its head is "${head ?? 'none'}", which no version of the service "${service}" has registered; tenantry drift shows how its schema differs.`;
  return { tenant, code: 'TENANCY_MIGRATION_UNKNOWN', reason, detail: null, statement: null };
}
