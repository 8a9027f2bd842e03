import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Querier } from '../postgres/querier.js';

/** A transaction of anybody's, as far as this role may see it. */
export interface OpenTransaction {
  /** Of its backend; `null` for a prepared transaction, which has none. */
  readonly pid: number | null;
  readonly role: string | null;
  /** Its `application_name`, or the name of a prepared transaction. */
  readonly application: string | null;
  /** `active`, `idle in transaction`…; `null` where this role may not see it. */
  readonly state: string | null;
  /** Milliseconds since it began; `null` where this role may not see it. */
  readonly openMs: number | null;
}

/** Most of them that are named. */
const namedMax = 5;

const ofActivity = `a.pid, a.usename as role, nullif(a.application_name, '') as application, a.state,
  round(1000 * extract(epoch from clock_timestamp() - a.xact_start))::float8 as "openMs"`;

/** A transaction, and by what it is known again when its beginning may not be seen. */
type Seen = OpenTransaction & { readonly xmin: string | null };

/**
 * The oldest transactions of the database that an index which is built concurrently waits for: those with a snapshot, or that
 * have written. The oldest first, at most five. Of sessions whose beginning this role may not see, those that are still there
 * with the same snapshot when it looks a second time.
 *
 * @param fromMs - Younger ones are left out.
 */
export async function readOldTransactions(owner: Querier, fromMs: number): Promise<OpenTransaction[]> {
  const first = await readTransactions(owner);
  const hidden = new Set(first.filter(({ openMs }) => openMs === null).map(keyOf));
  if (hidden.size > 0) await sleep(fromMs);
  const now = hidden.size > 0 ? await readTransactions(owner) : first;
  return now
    .filter((one) => (one.openMs === null ? hidden.has(keyOf(one)) : one.openMs >= fromMs))
    .slice(0, namedMax)
    .map(({ pid, role, application, state, openMs }) => ({ pid, role, application, state, openMs }));
}

async function readTransactions(owner: Querier): Promise<Seen[]> {
  const { rows } = await owner.query<Seen>(
    `select ${ofActivity}, a.backend_xmin::text as xmin from pg_stat_activity a
      where a.datname = current_database() and a.pid <> pg_backend_pid()
        and coalesce(a.backend_type, 'client backend') = 'client backend'
        and (a.backend_xmin is not null or a.backend_xid is not null)
     union all
     select null, owner, format('prepared transaction %s', gid), 'prepared',
            round(1000 * extract(epoch from clock_timestamp() - prepared))::float8, null
       from pg_prepared_xacts where database = current_database()
      order by "openMs" desc nulls last`,
  );
  return rows;
}

function keyOf({ pid, xmin }: Seen): string {
  return `${pid}:${xmin}`;
}

/** Who holds locks in a schema: what its DDL may have waited for, when nobody saw it wait. The oldest first, at most five. */
export async function readHolders(owner: Querier, schema: string): Promise<OpenTransaction[]> {
  const { rows } = await owner.query<OpenTransaction>(
    `select ${ofActivity} from pg_stat_activity a
      where a.pid <> pg_backend_pid() and a.pid in (
        select l.pid from pg_locks l join pg_class c on c.oid = l.relation
         where l.granted and l.database = (select oid from pg_database where datname = current_database())
           and c.relnamespace = to_regnamespace(quote_ident($1)))
      order by a.xact_start limit ${namedMax}`,
    [schema],
  );
  return rows;
}

/** A backend that waits for a lock. */
export interface BlockedBackend {
  readonly statement: string;
  /** What it waits for, in PostgreSQL's words. */
  readonly lock: string;
  readonly waitedMs: number;
  /** Who has it. */
  readonly by: readonly OpenTransaction[];
}

/** What one backend waits for; `undefined` when it does not wait for a lock. */
export async function readBlocked(owner: Pick<pg.Pool, 'query'>, pid: number): Promise<BlockedBackend | undefined> {
  const { rows } = await owner.query<BlockedBackend>(
    `select w.query as statement,
            concat_ws(' ', l.mode, 'on', l.locktype, l.relation::regclass::text) as lock,
            round(1000 * extract(epoch from clock_timestamp() - coalesce(l.waitstart, w.query_start)))::float8 as "waitedMs",
            coalesce((select json_agg(b) from (
              select nullif(p, 0) as pid, coalesce(a.usename, x.owner) as role,
                     coalesce(nullif(a.application_name, ''), 'prepared transaction ' || x.gid) as application,
                     case when p = 0 then 'prepared' else a.state end as state,
                     round(1000 * extract(epoch from clock_timestamp() - coalesce(a.xact_start, x.prepared)))::float8 as "openMs"
                from unnest(pg_blocking_pids(w.pid)) p left join pg_stat_activity a on a.pid = p
                left join lateral (select * from pg_prepared_xacts where p = 0 and database = current_database()
                                    order by prepared limit 1) x on true
               limit ${namedMax}) b), '[]') as by
       from pg_stat_activity w join pg_locks l on l.pid = w.pid and not l.granted
      where w.pid = $1 limit 1`,
    [pid],
  );
  return rows[0];
}

/** Transactions as a person reads them: `pid 4711 (role shop, psql, idle in transaction, open for 35 s)`. Pure. */
export function describeTransactions(transactions: readonly OpenTransaction[]): string {
  return transactions.map(describe).join(', ');
}

function describe({ pid, role, application, state, openMs }: OpenTransaction): string {
  const facts = [
    role === null ? undefined : `role ${role}`,
    pid === null ? undefined : application,
    pid === null ? undefined : state,
    openMs === null ? undefined : `open for ${Math.round(openMs / 1000)} s`,
  ].filter((fact) => fact !== undefined && fact !== null);
  const who = pid === null ? (application ?? 'a prepared transaction') : `pid ${pid}`;
  return facts.length > 0 ? `${who} (${facts.join(', ')})` : who;
}
