import type pg from 'pg';
import { readFlight } from '../postgres/flight.js';
import { one } from '../postgres/one.js';
import { quoteLiteral } from '../postgres/quote.js';
import { onConnection } from '../postgres/transaction.js';
import type { AdoptionContext } from './adoption-context.js';
import { readTenants } from './adoption-store.js';
import type { AdoptionTenant } from './copy-sql.js';
import { inParallel } from './in-parallel.js';
import { type Layout, ordered, type Part } from './layout.js';
import { isOf, keyOf, rowHash, tenantOf, tenantTable, withTenant } from './part-sql.js';
import { open, within } from './session.js';
import { tenantBatches } from './tenant-batches.js';

/** Rows of one table of one tenant that differ between the shared table and the tenant schema. */
export interface Difference {
  readonly tenant: string;
  readonly table: string;
  readonly sharedRows: number;
  readonly tenantRows: number;
  /** Keys of some of the rows, and what is wrong with each in the tenant schema. */
  readonly rows: readonly { readonly key: readonly unknown[]; readonly is: 'missing' | 'extra' | 'changed' }[];
}

/** What a comparison of both sides found. */
export interface VerifyReport {
  readonly service: string;
  /** Every row that was compared is the same on both sides, and neither side has another. */
  readonly same: boolean;
  readonly tenants: number;
  /** Rows of the shared tables that were compared. */
  readonly rows: number;
  /** Changes that are captured and not carried over yet: their rows were not compared. */
  readonly pending: number;
  /** Rows of the shared tables without a tenant, which stay there. */
  readonly left: number;
  readonly differences: readonly Difference[];
  /** Stopped before the end: only some were compared. */
  readonly stopped: boolean;
}

/** Most tables with a difference that are looked into, and most rows of each. */
const [tablesMax, rowsMax] = [20, 10];

interface Sum {
  readonly n: string;
  readonly sum: string;
}

const none: Sum = { n: '0', sum: '0' };

/**
 * Compares both sides, all of them at one moment: the number of rows and a checksum over all copied columns, per tenant and
 * table, which does not depend on the order of rows. Each shared table is read once.
 */
export async function verifyAdoption(context: AdoptionContext): Promise<VerifyReport> {
  const { owner, id, layout, service, emit, signal } = context;
  return within(owner, 'repeatable read', async (client) => {
    const { rows: snapshots } = await client.query<{ snapshot: string }>('select pg_export_snapshot() as snapshot');
    const { snapshot } = one(snapshots, 'select pg_export_snapshot()');
    const { rows: waiting } = await client.query<{ n: number }>(
      'select count(*)::int as n from tenantry.adoption_change where adoption_id = $1',
      [id],
    );
    const pending = one(waiting, 'select count(*) from tenantry.adoption_change').n;
    const tenants = await readTenants(client, id);
    const shared = await readShared(client, id, layout, pending > 0);
    emit({ type: 'phase', phase: 'verify', total: tenants.length });
    const suspects: { tenant: AdoptionTenant; part: Part; shared: Sum; own: Sum }[] = [];
    let done = 0;
    await inParallel(
      tenantBatches(tenants, layout, { locksPerTable: 3, most: Number.POSITIVE_INFINITY }),
      Math.max(1, context.concurrency - 1),
      async (batch) => {
        const sums = await readOwn(owner, id, layout, { batch, snapshot, without: pending > 0 });
        for (const [at, { tenant, part }] of pairsOf(layout, batch).entries()) {
          const [there, own] = [shared.get(part.number)?.get(tenant.sourceId) ?? none, sums[at] ?? none];
          if (there.n !== own.n || there.sum !== own.sum) suspects.push({ tenant, part, shared: there, own });
        }
        done += batch.length;
        emit({ type: 'progress', phase: 'verify', done, total: tenants.length });
      },
      signal,
    );
    const differences: Difference[] = [];
    for (const [at, { tenant, part, shared: there, own }] of suspects.entries()) {
      const rows = at < tablesMax ? await findRows(client, id, layout, { tenant, part, without: pending > 0 }) : [];
      differences.push({
        tenant: tenant.tenant,
        table: part.table,
        sharedRows: Number(there.n),
        tenantRows: Number(own.n),
        rows,
      });
    }
    const stopped = done < tenants.length;
    const known = new Set(tenants.map(({ sourceId }) => sourceId));
    const [rows, left] = countBoth(shared, known);
    return {
      service,
      same: differences.length === 0 && !stopped,
      tenants: tenants.length,
      rows,
      left,
      pending,
      differences,
      stopped,
    };
  });
}

function countBoth(
  shared: ReadonlyMap<number, ReadonlyMap<string | null, Sum>>,
  known: ReadonlySet<string>,
): [number, number] {
  let [rows, left] = [0, 0];
  for (const sums of shared.values())
    for (const [sourceId, { n }] of sums) {
      if (sourceId !== null && known.has(sourceId)) rows += Number(n);
      else left += Number(n);
    }
  return [rows, left];
}

const pairsOf = (layout: Layout, tenants: readonly AdoptionTenant[]) =>
  tenants.flatMap((tenant) => ordered(layout).map((part) => ({ tenant, part })));

/** Leaves out, on both sides, rows with a change that is not carried over yet: these are known to differ. */
const unlessPending = (adoption: number, part: Part, alias: string, side: 'from' | 'to') =>
  `not exists (select from tenantry.adoption_change c where c.adoption_id = ${adoption} and c.part = ${part.number} and c.key = ${keyOf(part, alias, side)})`;

async function readShared(
  client: pg.ClientBase,
  adoption: number,
  layout: Layout,
  without: boolean,
): Promise<Map<number, Map<string | null, Sum>>> {
  const all = new Map<number, Map<string | null, Sum>>();
  for (const part of layout.parts) {
    const { rows } = await client.query<Sum & { sourceId: string | null }>(
      `select ${tenantOf(part)}::text as "sourceId", count(*) as n, coalesce(sum(${rowHash(part, 's0', 'from')}::numeric), 0) as sum
         from ${withTenant(layout, part, { join: 'left join' })} ${without ? `where ${unlessPending(adoption, part, 's0', 'from')}` : ''} group by 1`,
    );
    all.set(part.number, new Map(rows.map((row) => [row.sourceId, row])));
  }
  return all;
}

interface OwnOptions {
  readonly batch: readonly AdoptionTenant[];
  readonly snapshot: string;
  readonly without: boolean;
}

/** In the order of {@link pairsOf}. */
async function readOwn(
  owner: pg.Pool,
  adoption: number,
  layout: Layout,
  { batch, snapshot, without }: OwnOptions,
): Promise<Sum[]> {
  const [begin = { text: '' }, ...settings] = open('repeatable read');
  const sums = pairsOf(layout, batch).map(({ tenant, part }) => ({
    text: `select count(*) as n, coalesce(sum(${rowHash(part, 't', 'to')}::numeric), 0) as sum from ${tenantTable(part, tenant.schema)} t
            ${without ? `where ${unlessPending(adoption, part, 't', 'to')}` : ''}`,
  }));
  const statements = [
    begin,
    { text: `set transaction snapshot ${quoteLiteral(snapshot)}` },
    ...settings,
    ...sums,
    { text: 'commit' },
  ];
  const results = await onConnection(owner, (client) => readFlight(client, statements));
  return results
    .slice(2 + settings.length, -1)
    .map(({ rows }) => one(rows as Sum[], 'select count(*), … of a tenant table'));
}

interface Place {
  readonly tenant: AdoptionTenant;
  readonly part: Part;
  readonly without: boolean;
}

async function findRows(
  client: pg.ClientBase,
  adoption: number,
  layout: Layout,
  { tenant, part, without }: Place,
): Promise<Difference['rows']> {
  const { rows } = await client.query<{ key: unknown[]; is: 'missing' | 'extra' | 'changed' }>(
    `select coalesce(a.key, b.key) as key, case when b.key is null then 'missing' when a.key is null then 'extra' else 'changed' end as is
       from (select ${keyOf(part, 's0')} as key, ${rowHash(part, 's0', 'from')} as hash from ${withTenant(layout, part)}
              where ${isOf(part, tenant.sourceId)} ${without ? `and ${unlessPending(adoption, part, 's0', 'from')}` : ''}) a
       full join (select ${keyOf(part, 't', 'to')} as key, ${rowHash(part, 't', 'to')} as hash from ${tenantTable(part, tenant.schema)} t
              ${without ? `where ${unlessPending(adoption, part, 't', 'to')}` : ''}) b on a.key = b.key
      where a.hash is distinct from b.hash order by 1 limit ${rowsMax}`,
  );
  return rows;
}
