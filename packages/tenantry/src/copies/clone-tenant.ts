import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import type { ServiceContext } from '../fleet/service-context.js';
import { planMigrations } from '../migrations/plan-migrations.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { parseTenantId, type TenantId } from '../tenant/tenant-id.js';
import { bringToHead, type CopyReport, pastRoleClashes } from './copied-tenant.js';
import { type MadeSchema, makeTenant, type NewTenant, upToLedger } from './new-tenant.js';
import { writeEvent } from '../lifecycle/operations/write-event.js';
import type { CopyWatch } from './rows/copy-progress.js';
import { finishRows, prepareForRows } from './rows/fill-schema.js';
import { onOwnConnection } from './rows/own-connection.js';
import { pathOf } from './rows/portable-text.js';
import { nameIn, type RowTable, writtenColumns } from './rows/read-tables.js';
import { requireNoDrift } from './rows/require-no-drift.js';
import { openSource, type SourceSchema, type SourceTenant } from './rows/source-tenant.js';

/** What is cloned into what. */
export interface CloneTarget {
  readonly owner: pg.Pool;
  readonly from: TenantId;
  /** Id of the new tenant. */
  readonly to: string;
  /** @default the original's */
  readonly name?: string | undefined;
  readonly lockTimeoutMs: number;
  contextOf(service: string): Promise<ServiceContext | undefined>;
}

/**
 * Copies a tenant inside the database, all its services as of one moment: made by its migrations, so nothing in it leads
 * back to the original, then filled table by table. One transaction; then the copy, which is active, is taken to head.
 *
 * @throws TenancyError `TENANCY_TENANT_DRIFTED`, or as {@link openSource} and {@link makeTenant}. Nothing is left of it then.
 */
export async function cloneTenant(target: CloneTarget, watch: CopyWatch): Promise<CopyReport> {
  const id = parseTenantId(target.to);
  await requireNoDrift(target.owner, target.from, watch.signal);
  return onOwnConnection(target.owner, async (client) => {
    const [source, tenant, made] = await pastRoleClashes(client, async () => {
      const seen = await openSource(client, target.from, 'read write', target.lockTimeoutMs);
      const planned = await planTenant(seen, id, target);
      return [seen, planned, await makeTenant(client, planned)] as const;
    });
    const rows = await copyRows(client, source, made, watch);
    await writeEvent(client, { type: 'tenant.cloned', tenant: id, data: { from: target.from } });
    watch.signal?.throwIfAborted();
    await client.query('commit');
    watch.onProgress?.({ phase: 'migrate', done: 1, total: 1 });
    return {
      tenant: id,
      services: source.schemas.map(({ service }) => service),
      tables: made.reduce((sum, { tables }) => sum + tables.length, 0),
      rows,
      behind: await bringToHead(tenant),
    };
  });
}

async function planTenant(source: SourceTenant, id: TenantId, target: CloneTarget): Promise<NewTenant> {
  const schemas = [];
  for (const { service, ledger } of source.schemas) {
    const context = await target.contextOf(service);
    if (!context) throw new Error(`the service "${service}" is not known any more`);
    const { shipped, classes } = context;
    planMigrations(service, shipped.migrations, ledger);
    const upTo = upToLedger(shipped, ledger);
    if (upTo.migrations.length < ledger.length) throw new Error(`the ledger of "${service}" has unknown migrations`);
    const code = upTo.migrations.find(({ kind, name }) => kind === 'code' && !classes.has(name));
    if (code) throw new TenancyError('TENANCY_MIGRATION_NEEDS_SERVICE', { service, migration: code.name });
    schemas.push({ context, shipped: upTo });
  }
  const { name, labels } = source;
  return { id, name: target.name ?? name, status: 'active', labels, schemas };
}

async function copyRows(
  client: pg.Client,
  source: SourceTenant,
  made: readonly MadeSchema[],
  { signal, onProgress }: CopyWatch,
): Promise<number> {
  const total = source.schemas.flatMap(({ tables }) => tables).reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  let rows = 0;
  for (const [index, to] of made.entries()) {
    const from = source.schemas[index] as SourceSchema;
    const hindrances = await prepareForRows(client, to);
    await client.query(pathOf(to.schema, to.sharedSchemas));
    for (const table of from.tables) {
      signal?.throwIfAborted();
      onProgress?.({ phase: 'rows', table: `${to.service}.${table.name}`, done, total });
      rows += (await client.query(copyTable(from.schema, to, table))).rowCount ?? 0;
      done += table.bytes;
    }
    onProgress?.({ phase: 'check', table: to.service, done, total });
    await finishRows(client, to, hindrances, from);
  }
  return rows;
}

/**
 * A type that the migrations make, such as an enum, is another type in the copy. Values of such types are converted
 * through their text.
 */
function copyTable(from: string, to: MadeSchema, { name, columns }: RowTable): string {
  const target = to.tables.find((table) => table.name === name);
  if (!target) throw new Error(`its migrations make no table "${name}" any more`);
  const types = new Map(target.columns.map((column) => [column.name, column.ownType]));
  const written = columns.filter(({ generated }) => !generated);
  const values = written.map((column) => {
    const type = types.get(column.name);
    return `${quoteIdentifier(column.name)}${type ? `::text::${type}` : ''}`;
  });
  const list = writtenColumns({ columns });
  return `insert into ${nameIn(to.schema, name)} ${list && `(${list})`} overriding system value
          select ${values.join(', ')} from only ${nameIn(from, name)}`;
}
