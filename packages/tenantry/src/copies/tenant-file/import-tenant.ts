import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { TenancyError } from '../../errors/tenancy-error.js';
import type { ServiceContext } from '../../fleet/service-context.js';
import { parseTenantId } from '../../tenant/tenant-id.js';
import { bringToHead, type CopyReport, pastRoleClashes } from '../copied-tenant.js';
import { type MadeSchema, makeTenant, type NewTenant } from '../new-tenant.js';
import { writeEvent } from '../../lifecycle/operations/write-event.js';
import { checksumOf } from '../rows/checksum.js';
import type { CopyWatch } from '../rows/copy-progress.js';
import { finishRows, prepareForRows } from '../rows/fill-schema.js';
import type { Hindrance } from '../rows/hindrances.js';
import { onOwnConnection } from '../rows/own-connection.js';
import { pathOf } from '../rows/portable-text.js';
import { nameIn, type RowTable, writtenColumns } from '../rows/read-tables.js';
import { type Frame, readFrames, unpack } from './file-reader.js';
import { type Manifest, parseTableFrame, parseTrailer, type TableTotals } from './manifest.js';
import { planService, requireSameTables } from './plan-import.js';
import { type VerifiedFile, verifyFile } from './verify-file.js';

/** Where a file goes. */
export interface ImportTarget {
  readonly owner: pg.Pool;
  /** Id of the new tenant. @default the one in the file */
  readonly as?: string | undefined;
  /** @default the one in the file */
  readonly name?: string | undefined;
  /** What a service's tenants are made with; `undefined` for a service that is not known here. */
  contextOf(service: string): Promise<ServiceContext | undefined>;
}

/**
 * Makes a tenant from a file. First the whole file is read and checked; then everything is one transaction; then the tenant
 * is taken to head.
 *
 * @throws TenancyError `TENANCY_FILE_FOREIGN`, `TENANCY_FILE_NEWER`, `TENANCY_FILE_DAMAGED`, `TENANCY_FILE_UNFIT`, or as
 * {@link makeTenant}. Nothing is left of it then.
 */
export async function importTenant(file: FileHandle, target: ImportTarget, watch: CopyWatch): Promise<CopyReport> {
  const { size } = await file.stat();
  const verified = await verifyFile(file, ({ end }) => {
    watch.signal?.throwIfAborted();
    watch.onProgress?.({ phase: 'verify', done: end, total: size });
  });
  const tenant = await planTenant(verified.manifest, target);
  await onOwnConnection(target.owner, async (client) => {
    const made = await pastRoleClashes(client, async () => {
      await client.query('begin isolation level read committed');
      return makeTenant(client, tenant);
    });
    await fill(client, file, verified, made, watch);
    const from = verified.manifest.tenant.id;
    await writeEvent(client, { type: 'tenant.imported', tenant: tenant.id, data: { from } });
    watch.signal?.throwIfAborted();
    await client.query('commit');
  });
  watch.onProgress?.({ phase: 'migrate', done: size, total: size });
  const { tables } = verified.trailer;
  return {
    tenant: tenant.id,
    services: verified.manifest.services.map(({ service }) => service),
    tables: tables.length,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    behind: await bringToHead(tenant),
  };
}

async function planTenant({ tenant, services }: Manifest, target: ImportTarget): Promise<NewTenant> {
  const id = parseTenantId(target.as ?? tenant.id);
  const { rows } = await target.owner.query('select from tenantry.tenant where id = $1', [id]);
  if (rows.length > 0) throw new TenancyError('TENANCY_TENANT_EXISTS', { tenant: id });
  const schemas = [];
  for (const service of services) {
    const context = await target.contextOf(service.service);
    if (!context) {
      const reason = `it has the service "${service.service}", which is not known here`;
      throw new TenancyError('TENANCY_FILE_UNFIT', { reason });
    }
    schemas.push(planService(context, service));
  }
  return { ...tenant, id, name: target.name ?? tenant.name, schemas };
}

async function fill(
  client: pg.Client,
  file: FileHandle,
  { manifest, trailer }: VerifiedFile,
  made: readonly MadeSchema[],
  watch: CopyWatch,
): Promise<void> {
  const lifted = new Map<string, readonly Hindrance[]>();
  for (const [index, schema] of made.entries()) {
    const service = manifest.services[index];
    if (service) requireSameTables(service, schema);
    lifted.set(schema.service, await prepareForRows(client, schema));
  }
  const bySize = await file.stat();
  const tables = new RowTables(manifest, made);
  await load(client, file, { tables, trailer, size: bySize.size }, watch);
  for (const [index, schema] of made.entries()) {
    watch.signal?.throwIfAborted();
    watch.onProgress?.({ phase: 'check', table: schema.service, done: index, total: made.length });
    const service = manifest.services[index];
    const original = { states: service?.sequences ?? [], filledViews: service?.filledViews ?? [] };
    await finishRows(client, schema, lifted.get(schema.service) ?? [], original);
  }
  for (const expected of trailer.tables) await requireSameRows(client, tables.of(expected), expected);
}

/** A table here, with its columns in the order of the file. */
interface TargetTable extends Pick<RowTable, 'name' | 'columns'> {
  readonly of: MadeSchema;
}

class RowTables {
  readonly #byName = new Map<string, TargetTable>();

  constructor({ services }: Manifest, made: readonly MadeSchema[]) {
    for (const of of made) {
      const tables = services.find(({ service }) => service === of.service)?.tables ?? [];
      for (const { name, columns } of tables) {
        const inOrder = columns.map((column) => ({ ...column, ownType: null }));
        this.#byName.set(JSON.stringify([of.service, name]), { name, columns: inOrder, of });
      }
    }
  }

  of({ service, table }: { service: string; table: string }): TargetTable {
    const found = this.#byName.get(JSON.stringify([service, table]));
    if (!found) throw new TenancyError('TENANCY_FILE_DAMAGED', { reason: 'it changed while it was read' });
    return found;
  }
}

async function load(
  client: pg.Client,
  file: FileHandle,
  { tables, trailer, size }: { tables: RowTables; trailer: VerifiedFile['trailer']; size: number },
  { signal, onProgress }: CopyWatch,
): Promise<void> {
  const frames = readFrames(file);
  const next = async (): Promise<Frame | undefined> => {
    signal?.throwIfAborted();
    const { value, done } = await frames.next();
    return done ? undefined : value;
  };
  let frame = await next();
  if (frame?.kind === 'manifest') frame = await next();
  for (const expected of trailer.tables) {
    if (frame?.kind !== 'table')
      throw new TenancyError('TENANCY_FILE_DAMAGED', { reason: 'it changed while it was read' });
    const { of, name, columns } = tables.of(parseTableFrame(frame.payload));
    const list = writtenColumns({ columns });
    await client.query(pathOf(of.schema, of.sharedSchemas));
    const copy = client.query(copyFrom(`copy ${nameIn(of.schema, name)} ${list && `(${list})`} from stdin`));
    let bytes = 0;
    await pipeline(async function* () {
      for (frame = await next(); frame?.kind === 'data'; frame = await next()) {
        const rows = await unpack(frame.payload);
        bytes += rows.length;
        onProgress?.({ phase: 'rows', table: `${of.service}.${name}`, done: frame.end, total: size });
        yield rows;
      }
    }, copy);
    if (bytes !== expected.bytes || copy.rowCount !== expected.rows)
      throw new TenancyError('TENANCY_FILE_DAMAGED', {
        reason: `its table "${name}" does not have the rows that its trailer counts`,
      });
  }
  if (frame?.kind !== 'trailer' || parseTrailer(frame.payload).sha256 !== trailer.sha256)
    throw new TenancyError('TENANCY_FILE_DAMAGED', { reason: 'it changed while it was read' });
}

/** What was loaded is read again: a trigger, a default or another version may have made something else of it. */
async function requireSameRows(client: pg.Client, table: TargetTable, expected: TableTotals): Promise<void> {
  await client.query(pathOf(table.of.schema, table.of.sharedSchemas));
  const { rows, checksum } = await checksumOf(client, table.of.schema, table);
  if (rows === expected.rows && checksum === expected.checksum) return;
  throw new Error(
    `the ${rows} rows of "${table.of.service}.${table.name}" are not the ${expected.rows} rows that were exported`,
  );
}
