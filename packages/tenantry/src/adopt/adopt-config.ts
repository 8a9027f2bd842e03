import { z } from 'zod';
import { TenancyError } from '../errors/tenancy-error.js';

/** One shared table whose rows belong to tenants. */
export interface AdoptedTable {
  /** Its name, exactly as PostgreSQL has it. */
  readonly table: string;
  /** The column with the tenant; or the column (or columns) of a foreign key to another table of the list, whose tenant it has. */
  readonly tenant: string | { readonly via: string | readonly string[] };
  /** The table in the tenant schemas. @default the same name */
  readonly as?: string | undefined;
  /** Columns with another name in the tenant schemas; `null` leaves one out. @default the same names */
  readonly columns?: Readonly<Record<string, string | null>> | undefined;
  /** Rows whose tenant is null or unknown: `refuse` to begin, or `leave` them where they are. @default 'refuse' */
  readonly orphans?: 'refuse' | 'leave' | undefined;
}

/**
 * Shared tables, and who their tenants are. The section `adopt` of `tenantry.config.js`.
 *
 * @example
 * const config: AdoptConfig = {
 *   service: 'inventory',
 *   tenants: { table: 'company', id: 'id', name: 'name' },
 *   tables: [
 *     { table: 'item', tenant: 'company_id' },
 *     { table: 'item_note', tenant: { via: 'item_id' } },
 *   ],
 * };
 */
export interface AdoptConfig {
  /** The service whose tenant schemas take the rows. */
  readonly service: string;
  /** The schema of the shared tables. @default 'public' */
  readonly schema?: string | undefined;
  /** The table with one row per tenant. */
  readonly tenants: {
    readonly table: string;
    /** @default `schema` of the config */
    readonly schema?: string | undefined;
    /** The column that the tenant columns refer to. */
    readonly id: string;
    /** The column with the name for people. @default the id */
    readonly name?: string | undefined;
    /** The column whose value becomes the tenant id. @default `id` */
    readonly tenantId?: string | undefined;
    /** Stands before every tenant id, where the values alone are none. @default '' */
    readonly idPrefix?: string | undefined;
  };
  readonly tables: readonly AdoptedTable[];
}

const name = z.string().min(1).max(63);

const configSchema = z.strictObject({
  service: z.string(),
  schema: name.default('public'),
  tenants: z.strictObject({
    table: name,
    schema: name.optional(),
    id: name,
    name: name.optional(),
    tenantId: name.optional(),
    idPrefix: z.string().max(39).default(''),
  }),
  tables: z
    .array(
      z.strictObject({
        table: name,
        tenant: z.union([name, z.strictObject({ via: z.union([name, z.array(name).min(1)]) })]),
        as: name.optional(),
        columns: z.record(name, name.nullable()).default({}),
        orphans: z.enum(['refuse', 'leave']).default('refuse'),
      }),
    )
    .min(1),
});

/** {@link AdoptConfig} with every default filled in. */
export type ResolvedAdoptConfig = z.output<typeof configSchema>;

/**
 * Fills in defaults; what it does not know is refused.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID`.
 */
export function resolveAdoptConfig(config: AdoptConfig): ResolvedAdoptConfig {
  const { success, data, error } = configSchema.safeParse(config);
  if (!success) {
    const [issue] = error.issues;
    const at = issue?.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys] : (issue?.path ?? []);
    throw invalid(['adopt', ...at].join('.'), issue?.message ?? 'it is not understood');
  }
  for (const key of ['table', 'as'] as const) {
    const names = data.tables.map((each) => (key === 'as' ? (each.as ?? each.table) : each.table));
    const twice = names.find((each, index) => names.indexOf(each) !== index);
    if (twice !== undefined) throw invalid('adopt.tables', `"${twice}" is listed twice`);
  }
  return data;
}

function invalid(option: string, reason: string): TenancyError {
  return new TenancyError('TENANCY_OPTION_INVALID', { option, reason });
}
