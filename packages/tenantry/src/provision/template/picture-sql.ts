/**
 * What the look for drift leaves out and a tenant made from a template must have too: the order of columns, how they are
 * stored, names of `not null` constraints, comments, and anything whose kind we do not know. $1 is the schema. Needs an
 * empty search_path.
 */
export const detailsSql = `
with nsp as (select oid from pg_namespace where nspname = $1),
rel as (
  select c.oid, relname, relkind, c.reloptions, relreplident, reltablespace, reloftype, relispopulated, relam, reltoastrelid
    from pg_class c join nsp on nsp.oid = relnamespace
)
select jsonb_build_array('relation', relname, relkind, reloptions, relreplident, reltablespace, reloftype::regtype::text, relispopulated,
         (select amname from pg_am where pg_am.oid = relam), (select t.reloptions from pg_class t where t.oid = reltoastrelid)) as detail
  from rel
union all
select jsonb_build_array('column', relname, row_number() over (partition by rel.oid order by attnum),
         -- An index keeps the name that its column once had; nothing asks for it.
         case when relkind not in ('i', 'I') then attname end, format_type(atttypid, atttypmod),
         attnotnull, attcollation::regcollation::text, attstorage, attcompression, attstattarget,
         -- Only what can be set: some builds of PostgreSQL keep a mark of their own there.
         (select jsonb_agg(o order by o) from unnest(attoptions) o where o like 'n\\_distinct%'), attidentity, attgenerated,
         pg_get_expr(adbin, adrelid), attislocal, attinhcount)
  from rel join pg_attribute on attrelid = rel.oid and attnum > 0 and not attisdropped
  left join pg_attrdef on adrelid = rel.oid and adnum = attnum
union all
select jsonb_build_array('constraint', conname, contype, conrelid::regclass::text, contypid::regtype::text, condeferrable, condeferred, convalidated,
         connoinherit, conislocal, coninhcount, conindid::regclass::text, pg_get_constraintdef(c.oid))
  from pg_constraint c join nsp on nsp.oid = connamespace
union all
select jsonb_build_array('index', relname, indisclustered, indisreplident, indisvalid, pg_get_indexdef(indexrelid))
  from rel join pg_index on indexrelid = rel.oid
union all
select jsonb_build_array('rule', relname, rulename, pg_get_ruledef(r.oid))
  from rel join pg_rewrite r on ev_class = rel.oid and rulename <> '_RETURN'
union all
select jsonb_build_array('other', pg_describe_object(classid, objid, 0))
  from nsp join pg_depend on refclassid = 'pg_namespace'::regclass and refobjid = nsp.oid and deptype = 'n'
 where classid not in ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass, 'pg_default_acl'::regclass)`;

/** Comments on what is in the schema $1: kind, name and text of each. */
export const commentsSql = `
with nsp as (select oid from pg_namespace where nspname = $1),
object (classid, objid) as (
  select 'pg_class'::regclass::oid, c.oid from pg_class c join nsp on nsp.oid = relnamespace
  union all select 'pg_type'::regclass, t.oid from pg_type t join nsp on nsp.oid = typnamespace
  union all select 'pg_proc'::regclass, p.oid from pg_proc p join nsp on nsp.oid = pronamespace
  union all select 'pg_constraint'::regclass, c.oid from pg_constraint c join nsp on nsp.oid = connamespace
  union all select 'pg_trigger'::regclass, t.oid from pg_trigger t join pg_class c on c.oid = tgrelid join nsp on nsp.oid = relnamespace
  union all select 'pg_policy'::regclass, p.oid from pg_policy p join pg_class c on c.oid = polrelid join nsp on nsp.oid = relnamespace
)
select i.type as kind, i.identity as name, d.description as text
  from object join pg_description d on d.classoid = classid and d.objoid = objid, pg_identify_object(classid, objid, objsubid) i
 order by 1, 2`;

/** Names of `not null` constraints, which PostgreSQL has from 18 on. */
export const notNullsSql = `
select quote_ident(relname) || '.' || quote_ident(attname) as column, quote_ident(conname) as name
  from pg_constraint join pg_class c on c.oid = conrelid join pg_attribute on attrelid = conrelid and attnum = conkey[1]
 where contype = 'n' and connamespace = (select oid from pg_namespace where nspname = $1)`;

/** The columns of tables and materialized views, in their order; what is generated has no value of its own. */
export const columnsSql = `
select quote_ident(relname) as table, relkind as form, coalesce(array_agg(quote_ident(attname) order by attnum) filter (where attname is not null), '{}') as columns,
       coalesce(array_agg(quote_ident(attname) order by attnum) filter (where attgenerated = ''), '{}') as stored
  from pg_class c left join pg_attribute on attrelid = c.oid and attnum > 0 and not attisdropped
 where relnamespace = (select oid from pg_namespace where nspname = $1) and (relkind = 'r' or relkind = 'm' and relispopulated)
 group by relname, relkind order by relname`;

/** How often this session touched tables outside the schema $1: rows written, and reads. */
export const touchedSql = `
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8::float8 as written, coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::int8::float8 as read
  from pg_stat_xact_user_tables where schemaname <> $1`;

/** What this transaction made or changed outside the schema $1. */
export const madeOutsideSql = `
with me as (select pg_current_xact_id()::xid as xid, (select oid from pg_namespace where nspname = $1) as nsp),
outer_class as (select c.oid from pg_class c, me where relnamespace not in (me.nsp, 'pg_toast'::regnamespace))
select 'a type or table' as made from pg_type t, me where t.xmin = me.xid and typnamespace not in (me.nsp, 'pg_toast'::regnamespace)
union all select 'a function' from pg_proc p, me where p.xmin = me.xid and pronamespace <> me.nsp
union all select 'a schema' from pg_namespace n, me where n.xmin = me.xid and n.oid <> me.nsp
union all select 'an extension' from pg_extension e, me where e.xmin = me.xid
union all select 'a column' from pg_attribute a, me where a.xmin = me.xid and attrelid in (select oid from outer_class)
union all select 'an index' from pg_index i, me where i.xmin = me.xid and indrelid in (select oid from outer_class)
union all select 'a trigger' from pg_trigger t, me where t.xmin = me.xid and not tgisinternal and tgrelid in (select oid from outer_class)
union all select 'a policy' from pg_policy p, me where p.xmin = me.xid and polrelid in (select oid from outer_class)
union all select 'a rule' from pg_rewrite r, me where r.xmin = me.xid and ev_class in (select oid from outer_class)
limit 1`;
