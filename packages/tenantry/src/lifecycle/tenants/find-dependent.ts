import type { Querier } from '../../postgres/querier.js';

/**
 * Extensions that live in these schemas, wholly or in part, and what hangs on something in them from outside: a view, a key, a
 * column of a type, a default or a function. Members are found by index, through `pg_depend`.
 */
const dependents = `
with nsp as materialized (select oid from pg_namespace where nspname = any($1::name[])),
member as materialized (
  select d.classid, d.objid from pg_depend d join nsp on d.refobjid = nsp.oid where d.refclassid = 'pg_namespace'::regclass and d.deptype in ('n', 'e')
), extension as (
  select extname from pg_extension where extnamespace in (select oid from nsp)
   union
  select extname from member m join pg_depend d on d.classid = m.classid and d.objid = m.objid and d.deptype = 'e' and d.refclassid = 'pg_extension'::regclass
    join pg_extension x on x.oid = d.refobjid
), needed as materialized (
  select classid, objid from member
   union all
  -- What comes with a type or a table, and may be a column's type too.
  select 'pg_type'::regclass, t.typarray from member m join pg_type t on m.classid = 'pg_type'::regclass and t.oid = m.objid where t.typarray <> 0
   union all
  select 'pg_type'::regclass, c.reltype from member m join pg_class c on m.classid = 'pg_class'::regclass and c.oid = m.objid where c.reltype <> 0
   union all
  select 'pg_type'::regclass, t.typarray from member m join pg_class c on m.classid = 'pg_class'::regclass and c.oid = m.objid
    join pg_type t on t.oid = c.reltype where t.typarray <> 0
), hanging as (
  select coalesce(w.ev_class, nullif(k.conrelid, 0), f.adrelid, g.tgrelid, p.polrelid, case when d.classid = 'pg_class'::regclass then d.objid end) as rel,
         case when d.classid = 'pg_proc'::regclass then d.objid end as routine,
         coalesce(nullif(k.contypid, 0), case when d.classid = 'pg_type'::regclass then d.objid end) as type
    from needed m join pg_depend d on d.refclassid = m.classid and d.refobjid = m.objid and d.deptype in ('n', 'a')
    left join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
    left join pg_constraint k on d.classid = 'pg_constraint'::regclass and k.oid = d.objid
    left join pg_attrdef f on d.classid = 'pg_attrdef'::regclass and f.oid = d.objid
    left join pg_trigger g on d.classid = 'pg_trigger'::regclass and g.oid = d.objid
    left join pg_policy p on d.classid = 'pg_policy'::regclass and p.oid = d.objid
)
select 0 as place, format('extension %I', extname) as what from extension
 union all
select 1, format('%s %I.%I', case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'i' then 'index' when 'S' then 'sequence' else 'table' end, n.nspname, c.relname)
  from hanging h join pg_class c on c.oid = h.rel join pg_namespace n on n.oid = c.relnamespace where n.oid not in (select oid from nsp)
 union all
select 2, format('%s %I.%I', case p.prokind when 'p' then 'procedure' else 'function' end, n.nspname, p.proname)
  from hanging h join pg_proc p on p.oid = h.routine join pg_namespace n on n.oid = p.pronamespace where n.oid not in (select oid from nsp)
 union all
select 3, format('type %I.%I', n.nspname, t.typname)
  from hanging h join pg_type t on t.oid = h.type join pg_namespace n on n.oid = t.typnamespace where n.oid not in (select oid from nsp)
 order by 1, 2 limit 1`;

/**
 * Something that dropping these schemas would take from others: an extension in them, or what needs something in them from
 * outside.
 *
 * @returns Why they cannot be dropped, for people: `view reports.totals needs something in its schemas …`.
 */
export async function findDependent(client: Querier, schemas: readonly string[]): Promise<string | undefined> {
  const { rows } = await client.query<{ place: number; what: string }>(dependents, [schemas]);
  const [found] = rows;
  if (!found) return undefined;
  const { place, what } = found;
  if (place > 0)
    return `${what} needs something in its schemas and would be dropped with them; drop or change it first`;
  return `the ${what} lives in its schemas and would be dropped for everybody; move it first (alter ${what} set schema …), or drop it`;
}
