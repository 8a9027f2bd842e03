import { quoteIdentifier as q, quoteLiteral } from '../postgres/quote.js';
import type { AdoptionTenant } from './copy-sql.js';
import { descendantsOf, type Layout, ordered, type Part, partAt } from './layout.js';
import {
  hasKey,
  isOf,
  keyOf,
  moveSequences,
  selectFor,
  sourceTable,
  targetColumns,
  tenantOf,
  tenantTable,
  withTenant,
} from './part-sql.js';

const changesOf = (adoption: number, part: Part, sourceId: string, back: boolean) =>
  `(select distinct key from tenantry.adoption_change where adoption_id = ${adoption} and part = ${part.number}
      and source_id = ${quoteLiteral(sourceId)} and ${back ? '' : 'not '}back) c`;

/**
 * Statements before changes are carried over: a row whose tenant comes from another row is recorded for the tenant that it
 * has now, and when that other row has moved, for all it has been in. Pure.
 */
export function spreadChanges(adoption: number, layout: Layout): string[] {
  const insert = 'insert into tenantry.adoption_change (adoption_id, part, source_id, key)';
  const of = (part: Part) => `adoption_id = ${adoption} and part = ${part.number} and not back`;
  const moved = ordered(layout).flatMap((part) =>
    descendantsOf(layout, part).map((child) => {
      const at = child.path.findIndex((step) => step.part === part.number) + 1;
      return `${insert} select distinct ${adoption}, ${child.number}, c.source_id, ${keyOf(child, 's0')}
        from (select distinct key, source_id from tenantry.adoption_change where ${of(part)} and key in
               (select key from tenantry.adoption_change where ${of(part)} group by key having count(distinct source_id) > 1)) c
        join ${withTenant(layout, child, { steps: at })} on ${hasKey(part, `s${at}`)}
       where not exists (select from tenantry.adoption_change d where d.adoption_id = ${adoption} and d.part = ${child.number}
                            and not d.back and d.key = ${keyOf(child, 's0')} and d.source_id is not distinct from c.source_id)`;
    }),
  );
  const present = layout.parts
    .filter(({ path }) => path.length > 0)
    .map(
      (part) => `${insert} select distinct ${adoption}, ${part.number}, ${tenantOf(part)}::text, c.key
        from (select distinct key from tenantry.adoption_change where ${of(part)}) c join ${withTenant(layout, part)} on ${hasKey(part, 's0')}
       where ${tenantOf(part)} is not null and not exists (select from tenantry.adoption_change d
              where d.adoption_id = ${adoption} and d.part = ${part.number} and not d.back and d.key = c.key and d.source_id = ${tenantOf(part)}::text)`,
    );
  return [...moved, ...present];
}

/** Changed rows that belong to no tenant of the adoption now. Pure. */
export const countStrays = (adoption: number, layout: Layout, part: Part) =>
  `select count(*)::int as n from (select distinct key from tenantry.adoption_change where adoption_id = ${adoption} and part = ${part.number} and not back) c
     join ${withTenant(layout, part, { join: 'left join' })} on ${hasKey(part, 's0')}
    where ${tenantOf(part)} is null or not exists (select from tenantry.adoption_tenant a where a.adoption_id = ${adoption} and a.source_id = ${tenantOf(part)}::text)`;

/**
 * Carries the changes of one tenant over: each changed row is read as it is now. What is gone goes first, children before
 * parents; then what is there, parents first. Pure.
 *
 * @param parts - Those with changes; all of them where rows of the others may be needed.
 */
export function carryOver(
  adoption: number,
  layout: Layout,
  { sourceId, schema }: AdoptionTenant,
  parts: ReadonlySet<number>,
): string[] {
  const touched = ordered(layout).filter(({ number }) => parts.has(number));
  const removals = touched.toReversed().map(
    (part) => `delete from ${tenantTable(part, schema)} t using ${changesOf(adoption, part, sourceId, false)}
      where ${hasKey(part, 't', schema)} and not exists (select from ${withTenant(layout, part)} where ${hasKey(part, 's0')} and ${isOf(part, sourceId)})`,
  );
  const upserts = touched.flatMap((part) => [
    `insert into ${tenantTable(part, schema)} as t (${targetColumns(part)}) overriding system value
     select ${selectFor(part, schema)} from ${changesOf(adoption, part, sourceId, false)} join ${withTenant(layout, part)} on ${hasKey(part, 's0')}
      where ${isOf(part, sourceId)} ${onConflict(
        part.key.map(({ to }) => to),
        part.columns.map(({ to }) => to),
      )}`,
    ...moveSequences(part, schema),
  ]);
  return [...removals, ...upserts, forget(adoption, sourceId, parts, false)];
}

/** The changes that this snapshot sees; later ones stay. Pure. */
export const forget = (adoption: number, sourceId: string, parts: ReadonlySet<number>, back: boolean) =>
  `delete from tenantry.adoption_change where adoption_id = ${adoption} and source_id = ${quoteLiteral(sourceId)}
      and part in (${[...parts].join(', ')}) and ${back ? '' : 'not '}back`;

/**
 * Carries the changes of one tenant schema back into the shared tables, in the same order. A row whose place belongs to
 * another tenant divides by zero. Pure.
 */
export function carryBack(
  adoption: number,
  layout: Layout,
  { sourceId, schema }: AdoptionTenant,
  parts: ReadonlySet<number>,
): string[] {
  const touched = ordered(layout).filter(({ number }) => parts.has(number));
  const removals = touched.toReversed().map((part) => {
    const key = part.sourceKey.map((name) => q(name)).join(', ');
    const found = part.sourceKey.map((name) => `s0.${q(name)}`).join(', ');
    return `delete from ${sourceTable(part)} where (${key}) in (select ${found} from ${changesOf(adoption, part, sourceId, true)}
      join ${withTenant(layout, part)} on ${hasKey(part, 's0')} where ${isOf(part, sourceId)}
       and not exists (select from ${tenantTable(part, schema)} t where ${hasKey(part, 't', schema)}))`;
  });
  const upserts = touched.map((part) => {
    const direct = part.path.length === 0;
    const written = part.columns.filter(({ computed }) => !computed);
    const columns = [...written.map(({ from }) => from), ...(direct ? [part.tenantColumn] : [])];
    const values = written.map(
      ({ to, throughText, fromType }) => `t.${q(to)}${throughText ? `::text::${fromType}` : ''}`,
    );
    if (direct) values.push(`${quoteLiteral(sourceId)}::${part.tenantType}`);
    const changed = `${changesOf(adoption, part, sourceId, true)} join ${tenantTable(part, schema)} t on ${hasKey(part, 't', schema)}`;
    return `with kept as (insert into ${sourceTable(part)} as s (${columns.map(q).join(', ')}) overriding system value
        select ${values.join(', ')} from ${changed}
        ${onConflict(part.sourceKey, columns, belongsTo(layout, part, sourceId))} returning 1)
      select 1 / ((select count(*) from kept) = (select count(*) from ${changed}))::int`;
  });
  return [...removals, ...upserts, forget(adoption, sourceId, parts, true)];
}

/** Keys of rows of one tenant schema whose place in the shared table belongs to somebody else. Pure. */
export const countTaken = (adoption: number, layout: Layout, part: Part, { sourceId, schema }: AdoptionTenant) =>
  `select count(*)::int as n from ${changesOf(adoption, part, sourceId, true)} join ${tenantTable(part, schema)} t on ${hasKey(part, 't', schema)}
     join ${withTenant(layout, part, { join: 'left join' })} on ${hasKey(part, 's0')}
    where ${tenantOf(part)} is distinct from ${quoteLiteral(sourceId)}::${part.tenantType}
      ${part.sourceKey.length > part.key.length ? 'and false' : ''}`;

function onConflict(key: readonly string[], columns: readonly string[], condition?: string): string {
  const rest = columns.filter((name) => !key.includes(name));
  // Also where there is nothing else to set: what was done is counted.
  const set = (rest.length === 0 && condition !== undefined ? key : rest).map(
    (name) => `${q(name)} = excluded.${q(name)}`,
  );
  const action = set.length === 0 ? 'nothing' : `update set ${set.join(', ')}`;
  return `on conflict (${key.map(q).join(', ')}) do ${action}${condition === undefined ? '' : ` where ${condition}`}`;
}

/** The row of the shared table that is in the way is the tenant's own. */
function belongsTo(layout: Layout, part: Part, sourceId: string): string {
  const [step] = part.path;
  if (!step) return `s.${q(part.tenantColumn)} = ${quoteLiteral(sourceId)}::${part.tenantType}`;
  const parent = partAt(layout.parts, step.part);
  const same = step.columns.map((column, at) => `p0.${q(step.toColumns[at] ?? '')} = s.${q(column)}`);
  return `exists (select from ${withTenant(layout, parent, { as: 'p' })} where ${same.join(' and ')} and ${isOf(parent, sourceId, 'p')})`;
}
