import type { Querier } from '../../postgres/querier.js';

/**
 * What is in some schemas and spells out a name, in a text that PostgreSQL takes as it stands: a function's body, a string
 * in a view or a policy. Whatever PostgreSQL itself resolved follows a rename and is written here with the schema's new name.
 *
 * $1 the schemas as they are called now, $2 their former names, at the same places. A name that a table or a column has too
 * says nothing. Found through `pg_depend`, by index.
 */
const spelled = `
with names as materialized (
  select n.oid as nsp, s.former, '(^|[^[:alnum:]_$-])' || s.former || '($|[^[:alnum:]_$-])' as pattern
    from unnest($1::name[], $2::text[]) as s (current, former) join pg_namespace n on n.nspname = s.current
), member as materialized (
  select d.classid, d.objid from names s join pg_depend d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = s.nsp and d.deptype = 'n'
), rel as materialized (
  select c.oid, c.relname, c.relkind from member m join pg_class c on m.classid = 'pg_class'::regclass and c.oid = m.objid
), text_of (noun, name, said) as (
  select case prokind when 'p' then 'procedure' else 'function' end, proname::text, pg_get_functiondef(p.oid)
    from member m join pg_proc p on m.classid = 'pg_proc'::regclass and p.oid = m.objid where prokind in ('f', 'p', 'w')
  union all
  select case relkind when 'v' then 'view' else 'materialized view' end, relname, pg_get_viewdef(oid) from rel where relkind in ('v', 'm')
  union all
  select 'rule', rulename, pg_get_ruledef(w.oid) from rel join pg_rewrite w on ev_class = rel.oid and rulename <> '_RETURN'
  union all
  select 'default of the column', relname || '.' || attname, pg_get_expr(adbin, adrelid)
    from rel join pg_attrdef on adrelid = rel.oid join pg_attribute on attrelid = rel.oid and attnum = adnum
  union all
  select 'constraint', conname, pg_get_constraintdef(k.oid) from rel join pg_constraint k on conrelid = rel.oid and contype = 'c'
  union all
  select 'domain', typname, concat_ws(' ', typdefault, (select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_constraint k where contypid = t.oid))
    from member m join pg_type t on m.classid = 'pg_type'::regclass and t.oid = m.objid and typtype = 'd'
  union all
  select 'policy', polname, concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) from rel join pg_policy on polrelid = rel.oid
  union all
  select 'trigger', tgname, pg_get_triggerdef(g.oid) from rel join pg_trigger g on tgrelid = rel.oid and not tgisinternal
  union all
  select 'index', x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid) from rel join pg_index x on indrelid = rel.oid and (indexprs is not null or indpred is not null)
)
select noun || ' "' || name || '"' as what, former as schema
  from text_of join names on said ~ pattern
 where not exists (select from rel where relname = former)
   and not exists (select from rel join pg_attribute on attrelid = rel.oid where attname = former)
 order by 1 limit 1`;

/** Something in a renamed schema that spells out the name which it had. */
export interface SpelledName {
  /** For people: `function "total"`. */
  readonly what: string;
  /** The former name. */
  readonly schema: string;
}

/**
 * Finds what a rename would leave with the former name.
 *
 * @param names - New name by former name of schemas that were renamed in this transaction.
 */
export async function findSpelledName(
  client: Querier,
  names: ReadonlyMap<string, string>,
): Promise<SpelledName | undefined> {
  const { rows } = await client.query<SpelledName>(spelled, [[...names.values()], [...names.keys()]]);
  return rows[0];
}
