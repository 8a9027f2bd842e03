import { TenancyError } from '../errors/tenancy-error.js';
import { lockKeyIn } from '../postgres/lock-names.js';
import { one } from '../postgres/one.js';
import type { Querier } from '../postgres/querier.js';
import type { RolloutFailure } from './rollout-failure.js';
import type { RolloutOptions } from './rollout-options.js';
import type { Direction } from './rollout-plan.js';
import type { FleetSelector } from './selector.js';

/** `running` while somebody leads it; `halted`, `stopped` and `interrupted` may be resumed; the others are over. */
export type RolloutStatus = 'running' | 'done' | 'failed' | 'halted' | 'stopped' | 'interrupted' | 'aborted';

/** One rollout, as the catalog keeps it. */
export interface RolloutRecord {
  readonly id: number;
  readonly service: string;
  readonly direction: Direction;
  readonly target: string | null;
  readonly selector: FleetSelector;
  readonly options: RolloutOptions;
  readonly status: RolloutStatus;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly reason: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** Rollouts kept per service. */
const keptMax = 100;

const columns = `id, service, direction, target, selector, options, total, done, failed, reason,
  started_at as "startedAt", finished_at as "finishedAt",
  case when status = 'running' and not exists (
    select from pg_locks where locktype = 'advisory' and granted and objsubid = 1
       and database = (select oid from pg_database where datname = current_database())
       and classid::bigint << 32 | objid::bigint = ${lockKeyIn('rollout', 'service')}) then 'interrupted' else status end as status`;

/** Keeps rollouts in the catalog. */
export class RolloutStore {
  readonly #pool: Querier | undefined;

  /** @param owner - Of the owner role, where this process has it. */
  constructor(owner: Querier | undefined) {
    this.#pool = owner;
  }

  get #owner(): Querier {
    if (!this.#pool) throw new TenancyError('TENANCY_OWNER_REQUIRED', { what: 'A rollout' });
    return this.#pool;
  }

  /**
   * Keeps every reconciler away from a service's fleet before its new head is known, so that a canary comes first. The
   * rollout that begins takes its place.
   *
   * @returns What {@link RolloutStore.letGo} wants to know; `undefined` for a service that nobody registered.
   */
  async hold(service: string): Promise<number | undefined> {
    const { rows } = await this.#owner.query<{ id: number }>(
      `insert into tenantry.rollout (service, direction, selector, options, status, total, reason)
       select name, 'up', '{}', '{}', 'stopped', 0, 'its migrations were registered, and it did not begin'
         from tenantry.service where name = $1 returning id`,
      [service],
    );
    return rows[0]?.id;
  }

  /** Ends a hold where no rollout took its place. */
  async letGo(held: number): Promise<void> {
    await this.#owner.query(
      "delete from tenantry.rollout where id = $1 and status in ('stopped', 'aborted') and total = 0",
      [held],
    );
  }

  /** Starts one; those of the service that nobody leads any more are over, for this one continues their work. */
  async open(
    rollout: Pick<RolloutRecord, 'service' | 'direction' | 'target' | 'selector' | 'options' | 'total'>,
  ): Promise<number> {
    const { service, direction, target, selector, options, total } = rollout;
    const values = [service, direction, target, JSON.stringify(selector), JSON.stringify(options), total];
    const { rows } = await this.#owner.query<{ id: number }>(
      `with held as (
         update tenantry.rollout set (direction, target, selector, options, status, total, reason) = ($2, $3, $4, $5, 'running', $6, null)
          where id = (select max(id) from tenantry.rollout where service = $1) and status = 'stopped' and total = 0 returning id),
       begun as (
         insert into tenantry.rollout (service, direction, target, selector, options, status, total)
         select $1, $2, $3, $4::jsonb, $5::jsonb, 'running', $6 where not exists (select from held) returning id),
       mine as (select id from held union all select id from begun),
       over as (
         update tenantry.rollout set status = 'aborted', reason = coalesce(reason, 'another rollout took its place'), finished_at = now()
          where service = $1 and status in ('running', 'halted', 'stopped') and not exists (select from mine where mine.id = rollout.id)),
       forgotten as (
         delete from tenantry.rollout where service = $1 and status in ('done', 'failed', 'aborted')
            and id <= (select id from tenantry.rollout where service = $1 order by id desc offset $7 limit 1))
       select id from mine`,
      [...values, keptMax - 1],
    );
    return one(rows, 'insert into tenantry.rollout').id;
  }

  async progress(id: number, done: number, failures: readonly RolloutFailure[], failed: number): Promise<void> {
    await this.#owner.query(
      "update tenantry.rollout set status = 'running', done = $2, failed = $3, updated_at = now(), finished_at = null, reason = null where id = $1",
      [id, done, failed],
    );
    if (failures.length === 0) return;
    await this.#owner.query(
      `insert into tenantry.rollout_failure (rollout_id, tenant_id, code, reason, detail, statement)
       select $1, f->>'tenant', f->>'code', f->>'reason', f->>'detail', f->>'statement' from json_array_elements($2) f
       on conflict (rollout_id, tenant_id) do update
         set (code, reason, detail, statement, failed_at) = (excluded.code, excluded.reason, excluded.detail, excluded.statement, now())`,
      [id, JSON.stringify(failures)],
    );
  }

  async close(id: number, status: RolloutStatus, reason: string | null): Promise<void> {
    await this.#owner.query(
      'update tenantry.rollout set status = $2, reason = $3, updated_at = now(), finished_at = now() where id = $1',
      [id, status, reason],
    );
  }

  /** A tenant that failed before and is to be tried again has not failed yet. */
  async forgetFailures(id: number): Promise<void> {
    await this.#owner.query('delete from tenantry.rollout_failure where rollout_id = $1', [id]);
  }

  /** The newest first, at most {@link keptMax}. */
  async list(service?: string): Promise<RolloutRecord[]> {
    return this.#read('$1::text is null or service = $1', service ?? null);
  }

  /** @throws TenancyError `TENANCY_ROLLOUT_UNKNOWN`. */
  async find(id: number): Promise<RolloutRecord> {
    const [rollout] = await this.#read('id = $1::int', id);
    if (!rollout) throw new TenancyError('TENANCY_ROLLOUT_UNKNOWN', { rollout: id });
    return rollout;
  }

  /**
   * One that may still be resumed or given up.
   *
   * @throws TenancyError `TENANCY_ROLLOUT_UNKNOWN`, `TENANCY_ROLLOUT_OVER`.
   */
  async findOpen(id: number): Promise<RolloutRecord> {
    const rollout = await this.find(id);
    if (!['halted', 'stopped', 'interrupted'].includes(rollout.status)) {
      throw new TenancyError('TENANCY_ROLLOUT_OVER', { rollout: id, status: rollout.status });
    }
    return rollout;
  }

  /** Gives one up; throws as {@link RolloutStore.findOpen} does. */
  async abort(id: number): Promise<RolloutRecord> {
    await this.findOpen(id);
    await this.close(id, 'aborted', 'it was given up');
    return this.find(id);
  }

  async failures(id: number): Promise<RolloutFailure[]> {
    const { rows } = await this.#owner.query<RolloutFailure>(
      'select tenant_id as tenant, code, reason, detail, statement from tenantry.rollout_failure where rollout_id = $1 order by tenant_id limit 1000',
      [id],
    );
    return rows;
  }

  async #read(condition: string, value: string | number | null): Promise<RolloutRecord[]> {
    const { rows } = await this.#owner.query<RolloutRecord>(
      `select ${columns} from tenantry.rollout where ${condition} order by id desc limit ${keptMax}`,
      [value],
    );
    return rows;
  }
}
