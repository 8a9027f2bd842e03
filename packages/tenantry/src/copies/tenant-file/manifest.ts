import { z } from 'zod';
import { TenancyError } from '../../errors/tenancy-error.js';

const name = z.string().min(1).max(63);
const count = z.int().min(0);

const column = z.object({
  name,
  /** As PostgreSQL writes it, without the schema's name. */
  type: z.string().max(1000),
  /** Computed by PostgreSQL: not in the file, but in the checksum. */
  generated: z.boolean(),
});

const table = z.object({ name, columns: z.array(column).max(1600) });

/** A sequence and where it stands; numbers as text, they have 64 bits. */
const sequence = z.object({ name, lastValue: z.string().regex(/^-?\d{1,19}$/), isCalled: z.boolean() });

const service = z.object({
  service: z.string().min(1).max(22),
  head: z.string().nullable(),
  ledger: z.array(z.object({ migration: z.string(), checksum: z.string() })),
  tables: z.array(table),
  sequences: z.array(sequence),
  /** Materialized views with rows: they are not in the file but refreshed. */
  filledViews: z.array(name),
});

const manifestSchema = z.object({
  exportedAt: z.iso.datetime(),
  postgres: z.string(),
  compression: z.literal('zstd'),
  tenant: z.object({
    id: z.string(),
    name: z.string(),
    status: z.enum(['active', 'suspended', 'archived']),
    labels: z.record(z.string(), z.unknown()),
  }),
  services: z.array(service).min(1),
});

const trailerSchema = z.object({
  /** In the order of the file. */
  tables: z.array(
    z.object({
      service: z.string(),
      table: name,
      rows: count,
      bytes: count,
      checksum: z.string().regex(/^-?\d{1,40}$/),
    }),
  ),
  /** SHA-256 of all bytes before the trailer's frame, in hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const tableFrameSchema = z.object({ service: z.string(), table: name });

/** What is known when a tenant file is begun. */
export type Manifest = z.output<typeof manifestSchema>;
export type ManifestService = Manifest['services'][number];

/** What is known when a tenant file ends. */
export type Trailer = z.output<typeof trailerSchema>;
export type TableTotals = Trailer['tables'][number];

/** Which table the data frames after it belong to. */
export type TableFrame = z.output<typeof tableFrameSchema>;

export const parseManifest = (payload: Buffer): Manifest => parse('manifest', manifestSchema, payload);
export const parseTrailer = (payload: Buffer): Trailer => parse('trailer', trailerSchema, payload);
export const parseTableFrame = (payload: Buffer): TableFrame => parse('table', tableFrameSchema, payload);

/** The frame's checksum was right, so JSON that does not fit was written that way, and the file is refused. */
function parse<T>(what: string, schema: z.ZodType<T>, payload: Buffer): T {
  let json: unknown;
  try {
    json = JSON.parse(payload.toString());
  } catch {
    throw new TenancyError('TENANCY_FILE_DAMAGED', { reason: `its ${what} is not JSON` });
  }
  const { success, data, error } = schema.safeParse(json);
  if (success) return data;
  const [issue] = error.issues;
  const place = issue?.path.join('.') ?? '';
  throw new TenancyError('TENANCY_FILE_DAMAGED', { reason: `its ${what} is wrong at "${place}"` });
}
