import { isStrangeMember } from '../isolation/strange-members.js';

/**
 * What is in schemas, as SQL over `pg_catalog`, for many schemas at once. Everything is found by an index: the members of a
 * schema through `pg_depend`, because `pg_class` has no index that begins with the schema.
 *
 * $1 schemas, $2 their tenant roles, $3 the logins they were given to, $4 whether the role is the tenant's own, $5 the shared
 * schemas that it should be able to use, as JSON; five arrays.
 * Rows of `object`: the schema's number in $1, kind, object, facts. Roles that every tenant schema has in another name are
 * placeholders, see `placeholders.ts`; names in `facts` are quoted, ready for SQL. Needs an empty search_path, so that every
 * name of a schema is written out.
 */
const objects = `
with subject as materialized (
  select s.number, n.oid as nsp, s.schema_name, s.shared, s.own_role, s.login_name = '' as closed, n.nspowner, n.nspacl,
         coalesce((select oid from pg_roles where rolname = s.role_name), 0) as role,
         coalesce((select oid from pg_roles where rolname = s.login_name), 0) as login,
         (select oid from pg_roles where rolname = current_user) as me
    from unnest($1::name[], $2::name[], $3::name[], $4::bool[], $5::text[]) with ordinality as s (schema_name, role_name, login_name, own_role, shared, number)
    -- The "offset 0" keeps the planner from starting with all of pg_namespace.
    cross join lateral (select oid, nspowner, nspacl from pg_namespace where nspname = s.schema_name offset 0) n
), member as materialized (
  select s.number, s.nsp, s.schema_name, s.role, s.login, s.me, d.classid, d.objid
    from subject s join pg_depend d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = s.nsp and d.deptype = 'n'
), rel as materialized (
  select m.number, m.nsp, m.role, m.login, m.me, c.oid, quote_ident(c.relname) as name, c.relkind, c.relowner, c.relacl, c.relpersistence,
         c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispartition, c.relpartbound, c.reloptions, c.reltoastrelid, c.relam
    from member m join pg_class c on c.oid = m.objid
   where m.classid = 'pg_class'::regclass
), object (number, kind, object, facts) as (
  select number, 'schema', '', jsonb_build_object('owner', ${owner('nspowner')}, 'acl', ${acl('nspacl', 'n', 'nspowner')})
    from subject s
  union all
  select number, 'role', '', jsonb_build_object('exists', r.oid is not null,
           'attributes', concat_ws(' ', case when rolcanlogin then 'login' end, case when rolsuper then 'superuser' end,
              case when rolcreaterole then 'createrole' end, case when rolcreatedb then 'createdb' end,
              case when rolreplication then 'replication' end, case when rolbypassrls then 'bypassrls' end),
           -- Before PostgreSQL 16 a membership has no options.
           -- An archived tenant's role is granted to nobody, as it should be.
           'granted', closed or (select bool_or(coalesce((to_jsonb(m) ->> 'set_option')::bool, true)) from pg_auth_members m where m.roleid = s.role and m.member = s.login),
           'members', (select jsonb_agg(distinct ${membership('m.member')}) from pg_auth_members m where m.roleid = s.role and ${isStrangeMember('s.login', ['s.me', 's.nspowner'])}),
           'groups', (select jsonb_agg(distinct ${membership('m.roleid')}) from pg_auth_members m where m.member = s.role),
           'administered', not closed and (select bool_or(m.admin_option) from pg_auth_members m where m.roleid = s.role and m.member = s.login),
           'inherited', not closed and (select bool_or(coalesce((to_jsonb(m) ->> 'inherit_option')::bool, false)) from pg_auth_members m where m.roleid = s.role and m.member = s.login))
    from subject s left join pg_roles r on r.oid = s.role
   where s.own_role
  union all
  -- Only those that it may not use, or that are not there: PostgreSQL leaves them out without a word.
  select number, 'shared schema', quote_ident(shared.name), jsonb_build_object('exists', n.oid is not null, 'ownRole', own_role)
    from subject s cross join lateral jsonb_array_elements_text(s.shared::jsonb) shared (name)
    left join lateral (select oid from pg_namespace where nspname = shared.name::name offset 0) n on true
   where n.oid is null or s.role <> 0 and not has_schema_privilege(s.role, n.oid, 'usage')
  union all
  select number, 'default privileges', case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' else 'types' end,
         jsonb_build_object('acl', ${acl('defaclacl', undefined, 'me')})
    from subject s join pg_default_acl on defaclrole = s.me and defaclnamespace = s.nsp
  union all
  select number, 'table', name, jsonb_build_object('owner', ${owner('relowner')}, 'acl', ${acl('relacl', 'r', 'relowner')},
           'form', relkind::text, 'persistence', relpersistence::text, 'options', to_jsonb(reloptions), 'replicaIdentity', relreplident::text,
           'method', (select amname from pg_am where pg_am.oid = s.relam), 'toast', (select to_jsonb(t.reloptions) from pg_class t where t.oid = s.reltoastrelid),
           'clustered', ${markedIndex('indisclustered')}, 'replicaIndex', ${markedIndex('indisreplident')},
           -- A select from a table reads its children too, in whatever schema they are.
           'children', (select jsonb_agg(inhrelid::regclass::text order by inhrelid::regclass::text) from (select inhrelid from pg_inherits where inhparent = s.oid offset 0) i join pg_class child on child.oid = inhrelid
                         where child.relnamespace <> s.nsp),
           'rowSecurity', relrowsecurity, 'forced', relforcerowsecurity,
           'key', case when relkind = 'p' then pg_get_partkeydef(s.oid) end,
           'bound', case when relispartition then pg_get_expr(relpartbound, s.oid) end,
           'parents', (select jsonb_agg(inhparent::regclass::text order by inhseqno) from pg_inherits where inhrelid = s.oid))
    from rel s where relkind in ('r', 'p', 'f')
  union all
  select number, 'column', name || '.' || quote_ident(attname), jsonb_build_object('table', name, 'name', quote_ident(attname),
           'type', format_type(atttypid, atttypmod), 'notNull', attnotnull, 'identity', attidentity::text, 'generated', attgenerated::text,
           'default', pg_get_expr(adbin, adrelid),
           'collation', case when attcollation <> typcollation then attcollation::regcollation::text end,
           'storage', attstorage::text, 'usualStorage', typstorage::text, 'compression', nullif(attcompression::text, ''),
           -- Only what can be set: some builds of PostgreSQL keep a mark of their own there.
           'target', nullif(attstattarget, -1), 'options', (select jsonb_agg(o order by o) from unnest(attoptions) o where o like 'n\\_distinct%'),
           'acl', case when attacl is not null then ${acl('attacl', undefined, 'relowner')} end)
    from rel s join pg_attribute on attrelid = s.oid and attnum > 0 and not attisdropped
    join pg_type on pg_type.oid = atttypid
    left join pg_attrdef on adrelid = s.oid and adnum = attnum
   where relkind in ('r', 'p', 'f')
  union all
  -- From PostgreSQL 18 a not null is a constraint too ('n'); how it is called says nothing. Constraint triggers are triggers.
  select number, 'constraint', name || '.' || quote_ident(conname), jsonb_build_object('table', name, 'name', quote_ident(conname),
           'type', contype::text, 'definition', pg_get_constraintdef(c.oid),
           'options', (select to_jsonb(reloptions) from pg_class where oid = conindid and contype in ('p', 'u', 'x')),
           'valid', case when contype in ('p', 'u', 'x') then (select indisvalid and indisready from pg_index where indexrelid = conindid) else convalidated end)
    from rel s join pg_constraint c on conrelid = s.oid and contype not in ('n', 't')
   where relkind in ('r', 'p', 'f')
  union all
  select number, 'not null', name || '.' || quote_ident(attname), jsonb_build_object('table', name, 'column', quote_ident(attname), 'name', quote_ident(conname))
    from rel s join pg_constraint c on conrelid = s.oid and contype = 'n' and not convalidated
    join pg_attribute on attrelid = s.oid and attnum = conkey[1]
  union all
  -- An index without a constraint.
  select s.number, 'index', quote_ident(i.relname), jsonb_build_object('table', name, 'name', quote_ident(i.relname), 'tableForm', s.relkind::text,
           'definition', pg_get_indexdef(indexrelid), 'valid', indisvalid and indisready and indislive)
    from rel s join pg_index on indrelid = s.oid join pg_class i on i.oid = indexrelid
   where s.relkind in ('r', 'p', 'm')
     and not exists (select from pg_constraint where conrelid = indrelid and conindid = indexrelid and contype in ('p', 'u', 'x'))
  union all
  select s.number, 'sequence', s.name, jsonb_build_object('owner', case when t.relname is null then ${owner('s.relowner')} end, 'acl', ${acl('s.relacl', 's', 's.relowner')},
           'type', format_type(seqtypid, null), 'start', seqstart::text, 'increment', seqincrement::text, 'min', seqmin::text, 'max', seqmax::text,
           'cache', seqcache::text, 'cycle', seqcycle, 'table', quote_ident(t.relname), 'column', quote_ident(attname), 'identity', d.deptype = 'i')
    from rel s join pg_sequence on seqrelid = s.oid
    left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
    left join pg_class t on t.oid = d.refobjid
    left join pg_attribute on attrelid = d.refobjid and attnum = d.refobjsubid
   where s.relkind = 'S'
  union all
  select number, 'view', name, jsonb_build_object('owner', ${owner('relowner')}, 'acl', ${acl('relacl', 'r', 'relowner')},
           'form', relkind::text, 'options', to_jsonb(reloptions), 'definition', pg_get_viewdef(s.oid),
           'columnRights', (select jsonb_object_agg(quote_ident(attname), ${acl('attacl', undefined, 'relowner')}) from pg_attribute where attrelid = s.oid and attnum > 0 and attacl is not null))
    from rel s where relkind in ('v', 'm')
  union all
  select number, 'trigger', name || '.' || quote_ident(tgname), jsonb_build_object('table', name, 'name', quote_ident(tgname),
           'definition', pg_get_triggerdef(t.oid), 'enabled', tgenabled::text)
    from rel s join pg_trigger t on tgrelid = s.oid and not tgisinternal and relkind in ('r', 'p', 'f', 'v')
  union all
  select number, 'rule', name || '.' || quote_ident(rulename), jsonb_build_object('table', name, 'name', quote_ident(rulename),
           'definition', rtrim(pg_get_ruledef(r.oid), ';'), 'enabled', ev_enabled::text)
    from rel s join pg_rewrite r on ev_class = s.oid and rulename <> '_RETURN' where relkind in ('r', 'p', 'f', 'v')
  union all
  select number, 'statistics', case when stxnamespace <> s.nsp then stxnamespace::regnamespace::text || '.' else '' end || quote_ident(stxname),
         jsonb_build_object('table', name, 'name', stxnamespace::regnamespace::text || '.' || quote_ident(stxname),
           'definition', pg_get_statisticsobjdef(e.oid), 'target', nullif(stxstattarget, -1))
    from rel s cross join lateral (select * from pg_statistic_ext where stxrelid = s.oid offset 0) e where relkind in ('r', 'p', 'f', 'm')
  union all
  select number, 'publication', name || ' in ' || quote_ident(pubname), jsonb_build_object('table', name, 'publication', quote_ident(pubname),
           'where', pg_get_expr(prqual, prrelid),
           'columns', (select jsonb_agg(quote_ident(attname) order by attnum) from pg_attribute where attrelid = prrelid and attnum = any(prattrs::int2[])))
    from rel s cross join lateral (select * from pg_publication_rel where prrelid = s.oid offset 0) pr
    cross join lateral (select pubname from pg_publication where oid = prpubid offset 0) p
  union all
  select number, 'publication', quote_ident(pubname), jsonb_build_object('table', null, 'publication', quote_ident(pubname), 'where', null, 'columns', null)
    from subject s cross join lateral (select pnpubid from pg_publication_namespace where pnnspid = s.nsp offset 0) pn
    cross join lateral (select pubname from pg_publication where oid = pnpubid offset 0) p
  union all
  -- Operators, collations, extensions and whatever else.
  select number, 'other', i.type || ' ' || replace(i.identity, quote_ident(schema_name) || '.', ''), jsonb_build_object('type', i.type, 'identity', i.identity)
    from member s cross join lateral pg_identify_object(s.classid, s.objid, 0) i
   where s.classid not in ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass, 'pg_statistic_ext'::regclass)
  union all
  -- PostgreSQL enforces a foreign key with triggers of its own, which somebody may have switched off.
  select distinct number, 'enforcement', name || '.' || quote_ident(conname), jsonb_build_object('table', name)
    from rel s join pg_trigger on tgrelid = s.oid and tgisinternal and tgenabled <> 'O' join pg_constraint c on c.oid = tgconstraint
   where relkind in ('r', 'p')
  union all
  select number, 'policy', name || '.' || quote_ident(polname), jsonb_build_object('table', name, 'name', quote_ident(polname), 'command', polcmd::text,
           'permissive', polpermissive, 'using', pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid),
           'roles', (select jsonb_agg(case r when 0 then 'public' when s.role then '$tenantry:tenant$' when s.login then '$tenantry:service$' else quote_ident(pg_get_userbyid(r)) end order by 1) from unnest(polroles) r))
    from rel s join pg_policy on polrelid = s.oid where relkind in ('r', 'p')
  union all
  select number, 'function', quote_ident(proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
         jsonb_build_object('owner', ${owner('proowner')}, 'acl', ${acl('proacl', 'f', 'proowner')}, 'form', prokind::text,
           'returns', pg_get_function_result(p.oid), 'definition', case when prokind <> 'a' then pg_get_functiondef(p.oid) end)
    from member s join pg_proc p on p.oid = s.objid where s.classid = 'pg_proc'::regclass
  union all
  select number, 'type', quote_ident(typname), jsonb_build_object('owner', ${owner('typowner')}, 'acl', ${acl('typacl', 'T', 'typowner')}, 'form', typtype::text,
           'labels', (select jsonb_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid),
           'base', case when typtype = 'd' then format_type(typbasetype, typtypmod) end, 'default', typdefault, 'notNull', typnotnull,
           'checks', (select jsonb_agg(quote_ident(conname) || ' ' || pg_get_constraintdef(c.oid) order by conname) from pg_constraint c where contypid = t.oid and contype = 'c'),
           'fields', case when typtype = 'c' then (select jsonb_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) order by attnum) from pg_attribute where attrelid = typrelid and attnum > 0 and not attisdropped) end)
    from member s join pg_type t on t.oid = s.objid left join pg_class c on c.oid = typrelid
   where s.classid = 'pg_type'::regclass and (typtype in ('e', 'd', 'r') or typtype = 'c' and c.relkind = 'c')
)`;

/** One line per schema: its name is left out of what is compared, in the forms in which PostgreSQL writes it. */
export const fingerprintsSql = `${objects}
select schema_name as schema, md5(replace(replace(text, replace(quote_ident(schema_name), '"', '\\"') || '.', ''), quote_literal(schema_name), '')) as fingerprint
  from (select number, string_agg(kind || ' ' || object || ' ' || facts::text, E'\\n' order by kind collate "C", object collate "C") as text
          from object group by number) as each
  join subject using (number)`;

/** The same objects, one by one, with the number of their schema in $1. */
export const objectsSql = `${objects} select number::int, kind, object, facts from object`;

/** A membership, and who granted it: from PostgreSQL 16 on only that one's grant is taken back. */
function membership(role: string): string {
  return `jsonb_build_object('role', quote_ident(pg_get_userbyid(${role})), 'by', quote_ident(pg_get_userbyid(m.grantor)))`;
}

function markedIndex(mark: string): string {
  return `(select quote_ident(i.relname) from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = s.oid and x.${mark})`;
}

function owner(column: string): string {
  return `case ${column} when s.me then '$tenantry:owner$' else quote_ident(pg_get_userbyid(${column})) end`;
}

/** Who may do what, without who granted it. The object's own owner keeps its rights, whoever it is. */
function acl(column: string, type: string | undefined, ownerColumn: string): string {
  const whole = type === undefined ? column : `coalesce(${column}, acldefault('${type}', ${ownerColumn}))`;
  return `(select jsonb_agg(distinct case grantee when 0 then 'public' when ${ownerColumn} then '$tenantry:owner$' when s.role then '$tenantry:tenant$' when s.login then '$tenantry:service$'
             else quote_ident(pg_get_userbyid(grantee)) end || ':' || lower(privilege_type) || case when is_grantable then '*' else '' end)
            from aclexplode(${whole}))`;
}
