import type { Statement } from '../postgres/one-flight.js';
import { quoteIdentifier as q, quoteLiteral } from '../postgres/quote.js';
import { type Layout, ordered, type Part } from './layout.js';
import { isOf, moveSequences, selectFor, targetColumns, tenantOf, tenantTable, withTenant } from './part-sql.js';
import { open } from './session.js';

/** A tenant of an adoption. */
export interface AdoptionTenant {
  readonly sourceId: string;
  readonly tenant: string;
  readonly schema: string;
  readonly rows: number;
}

export const sortedTable = (adoption: number, { number }: Part) => `tenantry.adoption_sorted_${adoption}_${number}`;

/**
 * Statements that copy a shared table sorted by tenant, so that a tenant's rows lie together and are read at once.
 * Pure.
 */
export function sortPart(adoption: number, layout: Layout, part: Part): string[] {
  const [table, tenant] = [sortedTable(adoption, part), tenantOf(part)];
  const columns = part.columns.map(({ from }, at) => `s0.${q(from)} as c${at}`);
  return [
    `create unlogged table ${table} as select ${tenant} as tenant, ${columns.join(', ')}
       from ${withTenant(layout, part)} where ${tenantOf(part)} is not null order by 1`,
    `create index on ${table} (tenant)`,
    `analyze ${table}`,
  ];
}

/** Where the rows of a tenant are read from. */
type Read = 'index' | 'sorted';

/**
 * Copies some tenants, all of their tables or nothing, in one transaction with one snapshot and its own progress:
 * whoever is killed in between leaves them to the next. The statements cannot branch, so one that must not go on
 * divides by zero: where somebody else copied the tenant, or its tables have rows. Pure.
 *
 * @returns The statements, and for each the tenant that it is about.
 */
export function copyTenants(
  adoption: number,
  layout: Layout,
  tenants: readonly AdoptionTenant[],
  read: Read,
): { readonly statement: Statement; readonly of: AdoptionTenant | undefined; readonly copies: boolean }[] {
  const before = open('repeatable read').map((statement) => ({ statement, of: undefined, copies: false }));
  const each = tenants.flatMap((of) => {
    const mark = {
      text: `with done as (update tenantry.adoption_tenant set copied = true where adoption_id = $1 and source_id = $2 and not copied returning 1)
             select 1 / (count(*) = 1)::int from done`,
      values: [adoption, of.sourceId],
    };
    const parts = ordered(layout).flatMap((part) => [
      { text: `select 1 / (not exists (select from ${tenantTable(part, of.schema)}))::int` },
      { text: copyPart(adoption, layout, part, of, read), copies: true },
      ...moveSequences(part, of.schema).map((text) => ({ text })),
    ]);
    return [mark, ...parts].map((statement) => ({ statement, of, copies: 'copies' in statement }));
  });
  const deferred = { statement: { text: 'set constraints all deferred' }, of: undefined, copies: false };
  return [...before, deferred, ...each, { statement: { text: 'commit' }, of: undefined, copies: false }];
}

function copyPart(
  adoption: number,
  layout: Layout,
  part: Part,
  { schema, sourceId }: AdoptionTenant,
  read: Read,
): string {
  const into = `insert into ${tenantTable(part, schema)} (${targetColumns(part)}) overriding system value`;
  if (read === 'index')
    return `${into} select ${selectFor(part, schema)} from ${withTenant(layout, part)} where ${isOf(part, sourceId)}`;
  const named = { ...part, columns: part.columns.map((pair, at) => ({ ...pair, from: `c${at}` })) };
  return `${into} select ${selectFor(named, schema)} from ${sortedTable(adoption, part)} s0 where s0.tenant = ${quoteLiteral(sourceId)}::${part.tenantType}`;
}

/** Empties a tenant's tables, children first. Pure. */
export const emptyTenant = (layout: Layout, schema: string) =>
  ordered(layout)
    .toReversed()
    .map((part) => `delete from ${tenantTable(part, schema)}`);

/** Copies one tenant anew within a transaction that is open. Pure. */
export const copyAgain = (layout: Layout, tenant: AdoptionTenant) => [
  ...emptyTenant(layout, tenant.schema),
  ...ordered(layout).map((part) => copyPart(0, layout, part, tenant, 'index')),
];
