import type { Querier } from '../postgres/querier.js';
import type { RelationFacts } from './relation.js';

const names = (attnums: string, relation: string) =>
  `(select coalesce(jsonb_agg(attname order by n), '[]') from unnest(${attnums}) with ordinality k (num, n)
      join pg_attribute on attrelid = ${relation} and attnum = k.num)`;

const columns = `
  select coalesce(jsonb_agg(jsonb_build_object(
           'name', attname, 'notNull', attnotnull, 'hasDefault', atthasdef or attidentity <> '', 'generated', attgenerated <> '',
           'isEnum', typtype = 'e',
           'type', case when typtype = 'e' then 'enum (' || (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = ty.oid) || ')'
                        else format_type(atttypid, atttypmod) end,
           'castType', case when typnamespace = relnamespace and typnamespace <> 'pg_catalog'::regnamespace and nspname like $3 then null else format_type(atttypid, atttypmod) end,
           'ownType', case when typnamespace = relnamespace and nspname like $3 then typname end,
           'sequence', attidentity <> '' or coalesce(pg_get_expr(adbin, adrelid) like 'nextval(%', false)) order by attnum), '[]')
    from pg_attribute a join pg_type ty on ty.oid = atttypid left join pg_attrdef on adrelid = attrelid and adnum = attnum
   where attrelid = c.oid and attnum > 0 and not attisdropped`;

const foreignKeys = `
  select coalesce(jsonb_agg(jsonb_build_object('name', conname, 'columns', ${names('conkey', 'conrelid')},
           'toSchema', fn.nspname, 'toTable', fc.relname, 'toColumns', ${names('confkey', 'confrelid')},
           'deferrable', condeferrable) order by conname), '[]')
    from pg_constraint k join pg_class fc on fc.oid = confrelid join pg_namespace fn on fn.oid = fc.relnamespace
   where conrelid = c.oid and contype = 'f'`;

const plain = 'indpred is null and indexprs is null and indisvalid and indimmediate';
const keyNames = names('(indkey::int2[])[0:indnkeyatts - 1]', 'indrelid');

const sql = `
  select n.nspname as schema, c.relname as name, c.relkind as kind, c.relkind = 'r' and c.relhassubclass as inherited,
         pg_table_size(c.oid)::float8 as bytes, pg_has_role(c.relowner, 'usage') as owned, (${columns}) as columns, (${foreignKeys}) as "foreignKeys",
         coalesce((select ${keyNames} from pg_index where indrelid = c.oid and indisprimary), '[]') as "primaryKey",
         (select coalesce(jsonb_agg(jsonb_build_object('name', i.relname, 'columns', ${keyNames}) order by i.relname), '[]')
            from pg_index join pg_class i on i.oid = indexrelid where indrelid = c.oid and indisunique and not indisprimary and ${plain}) as uniques,
         (select coalesce(jsonb_agg(i.relname order by i.relname), '[]') from pg_index join pg_class i on i.oid = indexrelid
           where indrelid = c.oid and indisunique and not indisprimary and not (${plain})) as "otherUniques",
         (select coalesce(jsonb_agg(distinct attname), '[]') from pg_index join pg_attribute on attrelid = indrelid and attnum = indkey[0]
           where indrelid = c.oid and indpred is null and indisvalid) as indexed,
         (select coalesce(jsonb_agg(tgname order by tgname), '[]') from pg_trigger
           where tgrelid = c.oid and not tgisinternal and tgname not like 'zz\\_tenantry\\_%') as triggers
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = $1 and c.relname = any($2) and c.relkind in ('r', 'p', 'v', 'm', 'f')`;

/**
 * Reads what some tables of a schema are, in one query. The search path must be empty, so that types come with their schema.
 *
 * @param own - Pattern of schemas whose own types are meant relative to the table.
 */
export async function readRelations(
  client: Querier,
  schema: string,
  tables: readonly string[],
  own = '',
): Promise<RelationFacts[]> {
  const { rows } = await client.query<RelationFacts>(sql, [schema, tables, own]);
  return rows;
}
