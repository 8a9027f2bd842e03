import type { Querier } from '../postgres/querier.js';
import { quoteIdentifier } from '../postgres/quote.js';

/** What is wrong with a schema on the search path of every tenant. PostgreSQL itself skips it silently. */
export interface UnfitSchema {
  readonly schema: string;
  readonly fault: 'missing' | 'unusable' | 'writable' | 'not shared';
}

const faults = `
  select schema, fault from (
    select schema, position, case
             when n.oid is null then 'missing'
             when schema = 'tenantry' or exists (select from tenantry.tenant_schema where schema_name = schema) then 'not shared'
             when not has_schema_privilege($2, n.oid, 'usage') then 'unusable'
             when has_schema_privilege('public', n.oid, 'create') then 'writable' end as fault
      from unnest($1::text[]) with ordinality as named (schema, position)
      left join pg_catalog.pg_namespace n on n.nspname = schema::name) as each
   where fault is not null order by position`;

/**
 * Finds schemas that tenants would not find things in, although they are named for that, or that are nothing to share.
 *
 * @param role - Whom they are for: `public` where every tenant has a role of its own, or the login that serves.
 */
export async function readUnfitSchemas(
  client: Querier,
  schemas: readonly string[],
  role: string,
): Promise<readonly UnfitSchema[]> {
  if (schemas.length === 0) return [];
  return (await client.query<UnfitSchema>(faults, [schemas, role])).rows;
}

/** What is the case, and what to do, as parts of a sentence. Pure. */
export function explainUnfit({ schema, fault }: UnfitSchema, role: string): { words: string; remedy: string } {
  const name = quoteIdentifier(schema);
  const to = role === 'public' ? role : quoteIdentifier(role);
  const told = {
    missing: [`there is no schema ${name}`, 'create it, or take it from `sharedSchemas`'],
    'not shared': [`the schema ${name} is not for all tenants`, 'take it from `sharedSchemas`'],
    unusable: [
      `tenants may not use the schema ${name}, so PostgreSQL skips it and finds its types, operators and functions elsewhere or not at all`,
      `run: grant usage on schema ${name} to ${to}`,
    ],
    writable: [
      `everybody may create objects in the schema ${name}, which every tenant then finds`,
      `run: revoke create on schema ${name} from public`,
    ],
  };
  const [words = '', remedy = ''] = told[fault];
  return { words, remedy };
}
