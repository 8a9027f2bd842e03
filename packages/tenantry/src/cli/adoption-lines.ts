import Table from 'cli-table3';
import type { AdoptionPlan, ChangedUnique } from '../adopt/adoption-plan.js';
import type { VerifyReport } from '../adopt/verify.js';

/** Most tenants whose rows are listed; `--json` has them all. */
const tenantsShown = 20;
const plain = { head: [], border: [] };

const uniqueWords: Readonly<Record<ChangedUnique['change'], string>> = {
  within: 'held across all tenants, will hold within each',
  lost: 'has no counterpart in the tenant table',
  new: 'is new in the tenant table',
};

/** A plan as a person reads it. Pure. */
export function planLines(plan: AdoptionPlan): string[] {
  const { service, tenants, tables, estimatedSeconds, crossing, uniques, sequences, problems, notes, ok } = plan;
  const known = tenants.known > 0 ? `, ${tenants.known} in the catalog already` : '';
  const lines = [`${service}: ${tenants.found} tenants found${known}`];
  for (const { sourceId, reason } of tenants.unfit.slice(0, tenantsShown))
    lines.push(`  not a tenant: "${sourceId}" ${reason}`);
  if (tables.length > 0) lines.push(tableOf(plan));
  lines.push(...rowLines(plan));
  for (const { table, constraint, to, rows, examples } of crossing)
    lines.push(
      `crosses tenants: ${rows} rows of ${table} refer to another tenant's row of ${to} (${constraint}), such as ${examples.map((key) => key.join(', ')).join('; ')}`,
    );
  for (const { table, constraint, columns, change, duplicates } of uniques)
    lines.push(
      `unique: ${table} (${columns.join(', ')}), ${constraint}: ${uniqueWords[change]}${duplicates > 0 ? `; ${duplicates} groups of rows are not` : ''}`,
    );
  for (const { table, column } of sequences)
    lines.push(`sequence: ${table}.${column} is set past the greatest value of each tenant`);
  for (const note of notes) lines.push(`note: ${note}`);
  if (tables.length > 0) lines.push(`estimated time: ${estimatedSeconds} s`);
  for (const { problem, table, words } of problems)
    lines.push(`problem ${problem}: ${table === null ? '' : `${table}: `}${words}`);
  lines.push(
    ok ? 'there are no problems; begin with: tenantry adopt run' : `${problems.length} problems; nothing was changed`,
  );
  return lines;
}

function tableOf({ tables }: AdoptionPlan): string {
  const table = new Table({
    head: ['table', 'becomes', 'tenant', 'rows', 'no tenant', 'unknown tenant', 'these', 'read by'],
    style: plain,
  });
  for (const { table: name, as, tenant, joined, rows, orphans, read } of tables)
    table.push([
      name,
      as,
      `${tenant}${joined ? ' (join)' : ''}`,
      rows,
      orphans.null,
      orphans.unknown,
      orphans.policy,
      read,
    ]);
  return table.toString();
}

function rowLines({ rows, tables }: AdoptionPlan): string[] {
  if (rows.length === 0) return [];
  const sum = (each: (typeof rows)[number]) => Object.values(each.rows).reduce((total, n) => total + n, 0);
  const table = new Table({ head: ['tenant', ...tables.map((each) => each.table)], style: plain });
  for (const each of rows.toSorted((a, b) => sum(b) - sum(a)).slice(0, tenantsShown))
    table.push([each.tenant, ...tables.map(({ table: name }) => each.rows[name] ?? 0)]);
  const more = rows.length - tenantsShown;
  return [table.toString(), ...(more > 0 ? [`and ${more} smaller ones; --json lists them all`] : [])];
}

/** A comparison as a person reads it. Pure. */
export function verifyLines({ same, tenants, rows, pending, left, differences, stopped }: VerifyReport): string[] {
  const lines = differences.flatMap(({ tenant, table, sharedRows, tenantRows, rows: found }) => [
    `tenant ${tenant}, ${table}: ${sharedRows} rows in the shared table, ${tenantRows} in the tenant schema`,
    ...found.map(({ key, is }) => `  ${key.join(', ')} is ${is}`),
  ]);
  lines.push(
    `${tenants} tenants, ${rows} rows compared; ${pending} changes are not carried over yet and were left out; ${left} rows without a tenant stay where they are`,
  );
  if (stopped) lines.push('stopped before the end');
  else lines.push(same ? 'both sides are the same' : `${differences.length} tables differ`);
  return lines;
}
