import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { retrying } from '../postgres/contention.js';
import { hold } from '../postgres/held-lock.js';
import { lockNames } from '../postgres/lock-names.js';
import { one } from '../postgres/one.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';
import type { AdoptConfig } from './adopt-config.js';
import { resolveAdoptConfig } from './adopt-config.js';
import type { AdoptionContext } from './adoption-context.js';
import { type AdoptionOptions, defaultLockMaxMs, type LockingOptions } from './adoption-options.js';
import type { AdoptionPlan } from './adoption-plan.js';
import {
  type AdoptionRecord,
  type AdoptionStatus,
  findOpen,
  moveTo,
  requireOpen,
  stateError,
} from './adoption-store.js';
import { beginAdoption } from './begin-adoption.js';
import { copyAll, dropSorted, provisionTenants } from './copy-tenants.js';
import { catchUp, cutOver } from './cutover.js';
import { endAdoption } from './end-adoption.js';
import type { LockReport } from './lock-and-move.js';
import { planAdoption, type PlannedAdoption } from './plan-adoption.js';
import type { AdoptingService } from './read-ground.js';
import { countChanges } from './replay.js';
import { rollBack } from './rollback.js';
import { within } from './session.js';
import { verifyAdoption, type VerifyReport } from './verify.js';

/** What an {@link Adoption} works with. */
export interface AdoptionParts {
  readonly owner: pg.Pool;
  readonly service: ServiceName;
  readonly ships: AdoptingService;
  readonly lockTimeoutMs: number;
  provision(tenant: TenantId): Promise<void>;
}

/** How a run ended. */
export interface AdoptionOutcome {
  /** `copied`: every tenant is. `failed`: some could not be. `stopped`: by its operator. The next run goes on with the others. */
  readonly status: 'copied' | 'failed' | 'stopped';
  readonly tenants: number;
  readonly copied: number;
  readonly failed: number;
  /** Changes that came last, and wait for the next run or the cutover. */
  readonly pending: number;
  readonly tookMs: number;
}

/** Takes shared tables with a tenant column apart into the tenant schemas of one service. */
export class Adoption {
  readonly #parts: AdoptionParts;
  readonly #config: AdoptConfig;

  constructor(parts: AdoptionParts, config: AdoptConfig) {
    this.#parts = parts;
    this.#config = config;
  }

  /**
   * What an adoption would do, and what stands against it. Changes nothing.
   *
   * @throws TenancyError `TENANCY_OPTION_INVALID`, `TENANCY_ADOPTION_UNFIT`.
   * @example
   * const { ok, problems } = await adoption.plan();
   */
  async plan(): Promise<AdoptionPlan> {
    return (await this.#plan()).plan;
  }

  /**
   * Makes the tenants and their schemas and copies their rows, while the shared tables go on to serve. Changes are captured
   * from before the first row is read. Goes on where an earlier run ended, however that was.
   *
   * @throws TenancyError `TENANCY_ADOPTION_UNFIT` when the plan has problems, `TENANCY_ADOPTION_STATE`, `TENANCY_ADOPTION_STRAYS`.
   * @example
   * const { status, copied, tenants } = await adoption.run({ onEvent: log, signal });
   */
  run(options: AdoptionOptions = {}): Promise<AdoptionOutcome> {
    return this.#lead(options, async () => {
      const started = performance.now();
      const record = await this.#beginOrResume();
      const context = this.#context(record, options);
      let failed = await provisionTenants(context);
      if (!options.signal?.aborted) failed += await copyAll(context, record.layout.read);
      const { owner } = context;
      const { rows } = await owner.query<{ tenants: number; copied: number }>(
        'select count(*)::int as tenants, count(*) filter (where copied)::int as copied from tenantry.adoption_tenant where adoption_id = $1',
        [record.id],
      );
      const { tenants, copied } = one(rows, 'select count(*), … from tenantry.adoption_tenant');
      const whole = copied === tenants && failed === 0 && !options.signal?.aborted;
      if (whole) {
        await catchUp(context, 500);
        if (record.status === 'copying') {
          await dropSorted(context);
          await moveTo(owner, record, 'copied');
        }
      }
      const status = whole ? 'copied' : failed > 0 ? 'failed' : 'stopped';
      const tookMs = Math.round(performance.now() - started);
      return { status, tenants, copied, failed, pending: await countChanges(context, false), tookMs };
    });
  }

  /**
   * Compares both sides. Rows that changed and are not carried over yet are left out and counted.
   *
   * @throws TenancyError `TENANCY_ADOPTION_STATE` before the first run and after `finish`.
   * @example
   * const { same, differences } = await adoption.verify();
   */
  verify(options: AdoptionOptions = {}): Promise<VerifyReport> {
    return this.#lead(options, async () => {
      const record = await this.#require(['copying', 'copied', 'cutover'], 'be verified');
      return verifyAdoption(this.#context(record, options));
    });
  }

  /**
   * Turns to the tenant schemas; the shared tables refuse changes from then on.
   *
   * @throws TenancyError `TENANCY_ADOPTION_STATE`, `TENANCY_ADOPTION_BUSY`, `TENANCY_ADOPTION_STRAYS`, `TENANCY_ADOPTION_FAILED`.
   * @example
   * const { lockedMs } = await adoption.cutover({ lockMaxMs: 1000 });
   */
  cutover({ lockMaxMs = defaultLockMaxMs, ...options }: LockingOptions = {}): Promise<LockReport> {
    return this.#lead(options, async () => {
      const record = await this.#require(['copied'], 'be cut over');
      return cutOver(this.#context(record, options), lockMaxMs);
    });
  }

  /**
   * Turns back to the shared tables, with what was written since; a later cutover is possible.
   *
   * @throws TenancyError `TENANCY_ADOPTION_STATE`, `TENANCY_ADOPTION_CONFLICT`, `TENANCY_ADOPTION_BUSY`.
   * @example
   * await adoption.rollback();
   */
  rollback({ lockMaxMs = defaultLockMaxMs, ...options }: LockingOptions = {}): Promise<LockReport> {
    return this.#lead(options, async () => {
      const record = await this.#require(['cutover'], 'be rolled back');
      return rollBack(this.#context(record, options), lockMaxMs);
    });
  }

  /**
   * Ends the adoption after the cutover: nothing is captured any more, and there is no way back. The shared tables stay, closed.
   *
   * @throws TenancyError `TENANCY_ADOPTION_STATE`.
   * @example
   * await adoption.finish();
   */
  finish(options: AdoptionOptions = {}): Promise<void> {
    return this.#lead(options, async () => {
      const record = await this.#require(['cutover', 'finishing'], 'be finished');
      // First, because a rollback needs the capture: killed after this, the adoption says that there is no way back.
      if (record.status === 'cutover') await moveTo(this.#parts.owner, record, 'finishing');
      await endAdoption(this.#context(record, options), { status: 'finishing' }, 'finished');
    });
  }

  /**
   * Gives the adoption up before the cutover: nothing is captured any more and the tenant tables are emptied. Tenants stay.
   *
   * @throws TenancyError `TENANCY_ADOPTION_STATE`.
   * @example
   * await adoption.abort();
   */
  abort(options: AdoptionOptions = {}): Promise<void> {
    return this.#lead(options, async () => {
      const record = await this.#require(['copying', 'copied'], 'be aborted');
      await endAdoption(this.#context(record, options), record, 'aborted');
    });
  }

  /**
   * Where the adoption is; `undefined` when there is none that is not over.
   *
   * @example
   * if ((await adoption.status()) === 'copied') await adoption.cutover();
   */
  async status(): Promise<AdoptionStatus | undefined> {
    return (await findOpen(this.#parts.owner, this.#parts.service))?.status;
  }

  async #plan(): Promise<PlannedAdoption> {
    const client = await this.#parts.owner.connect();
    return planAdoption(client, this.#config, this.#parts.ships).finally(() => client.release());
  }

  #require(states: readonly AdoptionStatus[], what: string): Promise<AdoptionRecord> {
    return requireOpen(this.#parts.owner, this.#parts.service, states, what);
  }

  async #beginOrResume(): Promise<AdoptionRecord> {
    const { owner, service, lockTimeoutMs } = this.#parts;
    const open = await findOpen(owner, service);
    if (open) {
      if (open.status === 'cutover' || open.status === 'finishing') throw stateError(service, open.status, 'be run');
      const asked = resolveAdoptConfig(this.#config);
      if (!isSame(asked, open.config))
        throw new TenancyError('TENANCY_OPTION_INVALID', {
          option: 'adopt',
          reason:
            'it is not what the adoption began with; restore it, or give the adoption up with `tenantry adopt abort`',
        });
      return open;
    }
    const planned = await this.#plan();
    if (!planned.plan.ok) {
      const [first] = planned.plan.problems;
      const more = planned.plan.problems.length - 1;
      const reason = `${first?.table ? `${first.table}: ` : ''}${first?.words.replace(/\.$/, '') ?? ''}${more > 0 ? ` (and ${more} more)` : ''}`;
      throw new TenancyError('TENANCY_ADOPTION_UNFIT', { reason });
    }
    await retrying(() =>
      within(owner, 'read committed', (begun) => beginAdoption(begun, service, planned), lockTimeoutMs),
    );
    return requireOpen(owner, service, ['copying'], 'be run');
  }

  #context(
    { id, config, layout }: AdoptionRecord,
    { concurrency = 4, signal, onEvent }: AdoptionOptions,
  ): AdoptionContext {
    const { owner, service, lockTimeoutMs, provision } = this.#parts;
    return {
      id,
      config,
      layout,
      owner,
      service,
      lockTimeoutMs,
      provision,
      concurrency,
      signal,
      emit: (event) => onEvent?.(event),
    };
  }

  /** One process at a time works on the adoption of a service. */
  async #lead<T>({ signal, onEvent }: AdoptionOptions, fn: () => Promise<T>): Promise<T> {
    const { owner, service } = this.#parts;
    const waiting = () =>
      onEvent?.({ type: 'note', words: 'another process works on this adoption; this one waits for it' });
    const lock = await hold(owner, lockNames.adoption(service), waiting, signal);
    if (!lock)
      throw new TenancyError('TENANCY_ADOPTION_BUSY', {
        service,
        reason: 'it was stopped while it waited for another process that works on it',
        remedy: 'Run the same command again when that one is done.',
      });
    try {
      return await fn();
    } finally {
      await lock.release();
    }
  }
}

/** Compares without the order of keys, which `jsonb` does not keep. */
function isSame(asked: unknown, kept: unknown): boolean {
  return canonical(asked) === canonical(kept);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => `${key}:${canonical(each)}`)
    .join(',')}}`;
}
