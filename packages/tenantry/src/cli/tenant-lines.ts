import Table from 'cli-table3';
import type { TenantDetails, TenantRecord } from '../lifecycle/tenants/tenant-record.js';

/** Tenants as a table. Pure. */
export function tenantTable(tenants: readonly TenantRecord[]): string[] {
  if (tenants.length === 0) return ['There is no such tenant.'];
  const rows = tenants.map(({ id, name, status, eraseAfter }) => [
    id,
    name,
    eraseAfter === null ? status : `${status}, erased after ${eraseAfter.toISOString()}`,
  ]);
  return [tableOf(['id', 'name', 'status'], rows)];
}

/** Everything about one tenant. Pure. */
export function printTenant({ schemas, operations, events, ...tenant }: TenantDetails): string[] {
  const { id, name, status, labels, createdAt, eraseAfter } = tenant;
  const named = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    `${id}: ${name}`,
    `status: ${status}${eraseAfter === null ? '' : `, erased after ${eraseAfter.toISOString()}`}`,
    `created: ${createdAt.toISOString()}`,
    ...(named.length > 0 ? [`labels: ${named.join(', ')}`] : []),
    ...section(
      ['service', 'schema', 'head'],
      schemas.map(({ service, schema, head, held }) => [service, schema, `${head ?? 'none'}${held ? ' (held)' : ''}`]),
    ),
    ...section(
      ['operation', 'kind', 'status', 'steps done', 'error'],
      operations.map((each) => [each.id, each.kind, each.status, each.done.join(', '), each.error ?? '']),
    ),
    ...section(
      ['at', 'event', 'of'],
      events.map(({ at, type, data }) => [
        at.toISOString(),
        type,
        [data['kind'], data['step']].filter((part) => typeof part === 'string').join(': '),
      ]),
    ),
  ];
}

function section(head: string[], rows: (string | number)[][]): string[] {
  return rows.length === 0 ? [] : [tableOf(head, rows)];
}

function tableOf(head: string[], rows: (string | number)[][]): string {
  const table = new Table({ head, style: { head: [], border: [] } });
  // What people named must tell the terminal nothing.
  table.push(...rows.map((row) => row.map((cell) => String(cell).replace(/\p{Cc}/gu, '?'))));
  return table.toString();
}
