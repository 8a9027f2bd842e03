import type pg from 'pg';
import type { LedgerRow } from '../migrations/plan-migrations.js';
import { one } from '../postgres/one.js';
import type { DriftSelector } from './drift-options.js';
import { fingerprintsSql, objectsSql } from './objects-sql.js';
import type { SchemaObject } from './schema-object.js';

/** The names that decide what a schema's objects are called and who may use them. */
export interface SchemaNames {
  readonly schema: string;
  readonly role: string;
  readonly serviceRole: string;
  /** Schemas after its own on the search path, which its role should be able to use. @default [] */
  readonly sharedSchemas?: readonly string[];
}

/** A tenant schema, as the catalog has it. */
export interface Subject extends SchemaNames {
  readonly tenant: string;
  readonly service: string;
  readonly head: string | null;
  /** Whether the database has it. */
  readonly exists: boolean;
  readonly ledger: readonly LedgerRow[];
}

/** A part of the fleet: the next after a schema, or certain ones. */
export type Part = { readonly after: string; readonly limit: number } | { readonly schemas: readonly string[] };

/** The tenant schemas of one part of the fleet, in the order of their names. */
export async function readSubjects(client: pg.ClientBase, selector: DriftSelector, part: Part): Promise<Subject[]> {
  const [after, limit, schemas] = 'after' in part ? [part.after, part.limit, null] : [null, null, part.schemas];
  const { rows } = await client.query<Subject>(
    `select tenant_id as tenant, service, schema_name as schema, role_name as role, service_role as "serviceRole", head,
            (select to_jsonb(shared_schemas) from tenantry.service where name = x.service) as "sharedSchemas",
            (select true from pg_catalog.pg_namespace where nspname = schema_name::name) is not null as exists,
            coalesce((select json_agg(json_build_object('migration', migration, 'checksum', checksum))
                        from tenantry.ledger l where l.schema_name = x.schema_name), '[]') as ledger
       from tenantry.tenant_schema x
      where ($1::text is null or service = $1) and ($2::text[] is null or tenant_id = any($2))
        and ($3::text is null or schema_name > $3) and ($4::text[] is null or schema_name = any($4))
      order by schema_name limit $5`,
    [selector.service ?? null, selector.tenants ?? null, after, schemas, limit],
  );
  return rows;
}

/** How many tenant schemas are selected. */
export async function countSubjects(client: pg.ClientBase, selector: DriftSelector): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from tenantry.tenant_schema
      where ($1::text is null or service = $1) and ($2::text[] is null or tenant_id = any($2))`,
    [selector.service ?? null, selector.tenants ?? null],
  );
  return one(rows, 'select count(*) from tenantry.tenant_schema').count;
}

/** The fingerprints of schemas, by name. */
export async function readFingerprints(
  client: pg.ClientBase,
  schemas: readonly SchemaNames[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ schema: string; fingerprint: string }>(fingerprintsSql, valuesOf(schemas));
  return new Map(rows.map(({ schema, fingerprint }) => [schema, fingerprint]));
}

/** The objects of schemas, in the order given. */
export async function readObjects(client: pg.ClientBase, schemas: readonly SchemaNames[]): Promise<SchemaObject[][]> {
  const { rows } = await client.query<SchemaObject & { number: number }>(objectsSql, valuesOf(schemas));
  const objects: SchemaObject[][] = schemas.map(() => []);
  for (const { number, kind, object, facts } of rows) objects[number - 1]?.push({ kind, object, facts });
  return objects;
}

function valuesOf(schemas: readonly SchemaNames[]): unknown[] {
  return [
    schemas.map(({ schema }) => schema),
    schemas.map(({ role }) => role),
    schemas.map(({ serviceRole }) => serviceRole),
    schemas.map((names) => hasOwnRole(names)),
    schemas.map(({ sharedSchemas = [] }) => JSON.stringify(sharedSchemas)),
  ];
}

/** With `isolation: 'schema'` the tables are granted to the login itself. */
export function hasOwnRole({ schema, role }: SchemaNames): boolean {
  return schema === role;
}
