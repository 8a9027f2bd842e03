import { one } from '../postgres/one.js';
import type { Querier } from '../postgres/querier.js';
import { quoteIdentifier as q, quoteLiteral } from '../postgres/quote.js';
import type { AdoptionContext } from './adoption-context.js';
import { readTenants } from './adoption-store.js';
import { inParallel } from './in-parallel.js';
import type { Layout, Part } from './layout.js';
import { sourceTable, tenantTable } from './part-sql.js';
import { send } from './replay.js';
import { tenantBatches } from './tenant-batches.js';

/** A column whose values are unique across all tenants in the shared table. */
interface SequencedColumn {
  readonly part: Part;
  readonly from: string;
  readonly to: string;
}

/** Where the sequences of tenants begin, by table and column. */
export type SequenceBases = ReadonlyMap<SequencedColumn, number>;

/** Values that the shared tables may still give out between the preparation and the cutover. */
const marginMin = 10_000;

/**
 * Columns whose sequences must not meet until the adoption is finished: a rollback brings their rows into one table again. Pure.
 */
function sequencedColumns({ parts }: Layout): SequencedColumn[] {
  return parts.flatMap((part) =>
    part.sourceKey.length > part.key.length
      ? []
      : part.key.filter(({ to }) => part.sequences.includes(to)).map(({ from, to }) => ({ part, from, to })),
  );
}

/** Gives every tenant numbers of its own: the first from a common base on, then one in as many steps as there are tenants. */
export async function setSequencesApart(context: AdoptionContext): Promise<SequenceBases> {
  const { owner, id, layout, concurrency } = context;
  const tenants = await readTenants(owner, id);
  const step = tenants.length;
  const bases = new Map<SequencedColumn, number>();
  for (const column of sequencedColumns(layout)) {
    const max = await greatest(owner, column);
    bases.set(column, max + Math.max(marginMin, step) + 1);
  }
  const numbered = tenants.map((tenant, number) => ({ ...tenant, number }));
  await inParallel(tenantBatches(numbered, layout), concurrency, (batch) =>
    send(
      context,
      batch.flatMap(({ schema, number }) =>
        [...bases].map(([{ part, to }, base]) => alterSequence(tenantTable(part, schema), to, step, base + number)),
      ),
    ),
  );
  return bases;
}

/** Whether the shared tables have not come as far as the tenants' sequences begin. */
export async function areAhead(client: Querier, bases: SequenceBases): Promise<boolean> {
  for (const [column, base] of bases) if ((await greatest(client, column)) >= base) return false;
  return true;
}

async function greatest(client: Querier, { part, from }: SequencedColumn): Promise<number> {
  const { rows } = await client.query<{ m: string | null }>(
    `select max(${q(from)})::text as m from ${sourceTable(part)}`,
  );
  return Number(one(rows, `select max(…) from ${sourceTable(part)}`).m ?? 0);
}

/** Statements that let a tenant's sequences count by one again. Pure. */
export const endStrides = (layout: Layout, schema: string) =>
  sequencedColumns(layout).map(({ part, to }) => alterSequence(tenantTable(part, schema), to, 1));

function alterSequence(table: string, column: string, step: number, next?: number): string {
  const sequence = `pg_catalog.pg_get_serial_sequence(${quoteLiteral(table)}, ${quoteLiteral(column)})`;
  const restart = next === undefined ? '' : ` restart with ${next}`;
  const body = `begin
    if ${sequence} is not null then execute 'alter sequence ' || ${sequence} || ' increment by ${step}${restart}'; end if;
  end`;
  return `do ${quoteLiteral(body)}`;
}

/** Moves the sequences of the shared tables past what came back. Pure. */
export const moveSharedSequences = (part: Part) =>
  part.sourceSequences.map(
    (column) =>
      `select pg_catalog.setval(pg_catalog.pg_get_serial_sequence(${quoteLiteral(sourceTable(part))}, ${quoteLiteral(column)}), m)
         from (select max(${q(column)}) as m from ${sourceTable(part)}) x where m >= 1`,
  );
