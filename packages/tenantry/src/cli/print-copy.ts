import type { CopyReport } from '../copies/copied-tenant.js';
import type { CliContext } from './cli-context.js';

/** Prints what an import or a clone made, and sets the exit code: 1 when a service of it stayed behind. */
export function printCopy(context: CliContext, what: string, report: CopyReport): void {
  const { tenant, services, tables, rows, behind } = report;
  context.exitCode = behind.length > 0 ? 1 : 0;
  if (context.json) return context.out(JSON.stringify(report));
  context.out(`${what} ${tenant}: ${rows.toLocaleString('en')} rows of ${tables} tables (${services.join(', ')}).`);
  for (const { service, reason } of behind) context.note(`${service} could not be taken to head: ${reason}`);
  if (behind.length > 0)
    context.note(`The tenant is there, and behind; go on with: tenantry migrate --tenant ${tenant}`);
}
