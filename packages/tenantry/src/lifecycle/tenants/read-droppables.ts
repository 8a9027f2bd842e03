import type { Querier } from '../../postgres/querier.js';
import type { Droppable } from './drop-plan.js';

/**
 * What is in a schema, in an order in which little of it drags other things along: views, partitions, tables, the rest.
 * Found by index: the members of a schema through `pg_depend`, because `pg_class` has none that begins with the schema.
 * What belongs to an extension goes with the schema.
 */
export async function readDroppables(client: Querier, schema: string): Promise<Droppable[]> {
  const { rows } = await client.query<Droppable>(
    `with member as materialized (
       select d.classid, d.objid from pg_depend d
        where d.refclassid = 'pg_namespace'::regclass and d.refobjid = (select oid from pg_namespace where nspname = $1) and d.deptype = 'n'
          and not exists (select from pg_depend e where e.classid = d.classid and e.objid = d.objid and e.deptype = 'e')
     ), found as (
       select case c.relkind when 'v' then 0 when 'm' then 1 when 'S' then 4 else case when c.relispartition then 2 else 3 end end as place,
              case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end as word,
              format('%I.%I', $1::text, c.relname) as name,
              -- Itself, its two types, its TOAST table with its index; then what hangs on it. A foreign key has triggers on both sides.
              (6 + 2 * (select count(*) from pg_index where indrelid = c.oid)
                 + (select count(*) from pg_attrdef where adrelid = c.oid)
                 + (select coalesce(sum(case contype when 'f' then 8 else 2 end), 0) from pg_constraint where conrelid = c.oid)
                 + (select count(*) from pg_trigger where tgrelid = c.oid)
                 + (select count(*) from pg_rewrite where ev_class = c.oid))::int as locks
         from member m join pg_class c on m.classid = 'pg_class'::regclass and c.oid = m.objid
        where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')
       union all
       select 5, 'routine', format('%I.%I(%s)', $1::text, proname, pg_get_function_identity_arguments(p.oid)), 3
         from member m join pg_proc p on m.classid = 'pg_proc'::regclass and p.oid = m.objid
       union all
       select 6, 'type', format('%I.%I', $1::text, typname), 4
         from member m join pg_type t on m.classid = 'pg_type'::regclass and t.oid = m.objid
         left join pg_class c on c.oid = t.typrelid
        where t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and c.relkind = 'c'
     )
     select word, name, locks from found order by place, name`,
    [schema],
  );
  return rows;
}
