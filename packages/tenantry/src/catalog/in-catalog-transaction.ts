import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { firstKey } from '../postgres/lock-names.js';
import { one } from '../postgres/one.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { inTransaction, opening } from '../postgres/transaction.js';

const table = 'tenantry.catalog_version';

/** Whoever has one of these locks on the table, except by merely reading it. A reader holds nobody up. */
const holders = `
  select string_agg(distinct format('pid %s (role %s)', pid, coalesce((select usename from pg_stat_activity a where a.pid = l.pid)::text, 'unknown')), ', ') as who
    from pg_locks l
   where granted and pid <> pg_backend_pid() and database = (select oid from pg_database where datname = current_database())
     and (relation = to_regclass('${table}') and mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
          or locktype = 'advisory' and to_regclass('${table}') is null
             and classid::bigint << 32 | objid::bigint = ${firstKey})`;

/**
 * Runs code in a transaction in which nobody else installs the catalog or prepares the database. Its lock is one on a
 * table, as nobody but the owner may take it, and it is there before there is a secret to make other locks from. Code
 * that only reads that table does not wait.
 *
 * @param owner - A connection of the owner role, outside a transaction.
 * @param waitMs - Milliseconds it waits for its turn. @default 60000
 * @throws TenancyError `TENANCY_LOCK_HELD` after that time.
 */
export async function inCatalogTransaction<T>(owner: pg.ClientBase, fn: () => Promise<T>, waitMs = 60_000): Promise<T> {
  let locked = false;
  try {
    // Limits that a database sets for requests must not end this wait.
    return await inTransaction(owner, opening({ statementTimeoutMs: 0, lockTimeoutMs: waitMs }), async () => {
      const { rows } = await owner.query<{ there: boolean }>(`select to_regclass('${table}') is not null as there`);
      if (!one(rows, 'select to_regclass(…)').there) await makeTable(owner);
      await owner.query(`lock table ${table} in share row exclusive mode`);
      locked = true;
      return fn();
    });
  } catch (error) {
    if (locked || sqlstateOf(error) !== sqlstate.lockNotAvailable) throw error;
    const { rows } = await owner.query<{ who: string | null }>(holders);
    const reason = `the catalog was held for ${waitMs} ms by ${one(rows, 'who holds the catalog').who ?? 'somebody who has just released it'}`;
    throw new TenancyError('TENANCY_LOCK_HELD', { reason }, { cause: error });
  }
}

/**
 * Two processes that make the table at the same moment both pass `if not exists`; the later one is told that it exists.
 */
async function makeTable(owner: pg.ClientBase): Promise<void> {
  await owner.query(`select pg_advisory_xact_lock(${firstKey})`);
  await owner.query('create schema if not exists tenantry');
  await owner.query(
    `create table if not exists ${table}
       (version integer primary key, breaking boolean not null, installed_at timestamptz not null default now())`,
  );
}
