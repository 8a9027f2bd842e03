import type { Readable, Writable } from 'node:stream';
import type pg from 'pg';
import type { ServiceContext } from '../fleet/service-context.js';
import { readService } from '../migrations/read-service.js';
import { parseTenantId, type TenantId } from '../tenant/tenant-id.js';
import { cloneTenant } from './clone-tenant.js';
import type { CopyReport } from './copied-tenant.js';
import { writeEvent } from '../lifecycle/operations/write-event.js';
import type { CopyWatch } from './rows/copy-progress.js';
import { exportTenant, type ExportReport } from './tenant-file/export-tenant.js';
import { importTenant } from './tenant-file/import-tenant.js';
import { withInput } from './tenant-file/input.js';
import { withOutput } from './tenant-file/output.js';
import { transferError } from './transfer-error.js';

/** How a tenant is exported. */
export interface ExportOptions extends CopyWatch {
  /** Path of the file, or a stream that is written and not ended. */
  readonly to: string | Writable;
  /** Replaces a file that is there. @default false */
  readonly force?: boolean | undefined;
}

/** How a tenant is imported. */
export interface ImportOptions extends CopyWatch {
  /** Path of the file, or a stream, which is put into a temporary file first. */
  readonly from: string | Readable;
  /** Id of the new tenant. @default the one in the file */
  readonly as?: string | undefined;
  /** Name of the new tenant. @default the one in the file */
  readonly name?: string | undefined;
}

/** How a tenant is cloned. */
export interface CloneOptions extends CopyWatch {
  /** Name of the new tenant. @default the original's */
  readonly name?: string | undefined;
}

/** What {@link TenantCopies} is made of. */
export interface TenantCopiesParts {
  /** The service whose migrations this process has as code. */
  readonly service: string | undefined;
  readonly lockTimeoutMs: number;
  /** @throws TenancyError `TENANCY_OWNER_REQUIRED` where this process may not run DDL. */
  owner(): pg.Pool;
  contextOf(service: string): Promise<ServiceContext>;
}

/** What can be done with one tenant as a whole. All of it needs the owner role. */
export class TenantCopies {
  readonly #parts: TenantCopiesParts;
  readonly #others: readonly TenantCopies[];

  /** @param others - Of processes of other services in this program: they know the code of those services' migrations. */
  constructor(parts: TenantCopiesParts, others: readonly TenantCopies[] = []) {
    this.#parts = parts;
    this.#others = others;
  }

  /** The same, with the migrations that others know too. */
  with(others: readonly TenantCopies[]): TenantCopies {
    return new TenantCopies(this.#parts, [...this.#others, ...others]);
  }

  /**
   * Writes one tenant, all its services as of one moment, into a file of its own format; it takes no `pg_dump`. Requests go
   * on meanwhile; migrations of this tenant wait.
   *
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_NOT_READY`, `TENANCY_TENANT_BUSY`, `TENANCY_TENANT_DRIFTED`,
   * `TENANCY_OPTION_INVALID` for a file that is there, `TENANCY_TRANSFER_FAILED`, `TENANCY_OWNER_REQUIRED`. No file is left then.
   * @example
   * const { rows, written } = await tenancy.copies.export('acme', { to: 'acme.tenant' });
   */
  async export(id: string, { to, force = false, ...watch }: ExportOptions): Promise<ExportReport> {
    const tenant = parseTenantId(id);
    const owner = this.#parts.owner();
    const { lockTimeoutMs } = this.#parts;
    const left = typeof to === 'string' ? undefined : 'the stream holds only a part of a file';
    const exporting = async () => {
      const report = await withOutput(to, force, (sink) =>
        exportTenant(owner, tenant, sink, { ...watch, lockTimeoutMs }),
      );
      const { rows, written } = report;
      await writeEvent(owner, { type: 'tenant.exported', tenant, data: { rows, bytes: written } });
      return report;
    };
    return this.#reported('Exporting', tenant, exporting, left);
  }

  /**
   * Makes a tenant from a file, in this or another database than it came from: as it was, then taken to head. The whole file
   * is checked before anything is written, and what is written is one transaction.
   *
   * @returns What was made; its `behind` names services that could not be taken to head.
   * @throws TenancyError `TENANCY_FILE_FOREIGN`, `TENANCY_FILE_NEWER`, `TENANCY_FILE_DAMAGED`, `TENANCY_FILE_UNFIT`,
   * `TENANCY_TENANT_EXISTS`, `TENANCY_TENANT_BUSY`, `TENANCY_SCHEMA_TAKEN`, `TENANCY_MIGRATION_CHANGED`,
   * `TENANCY_MIGRATION_NEEDS_SERVICE`, `TENANCY_TRANSFER_FAILED`, `TENANCY_OWNER_REQUIRED`. Nothing is left of it then.
   * @example
   * const { tenant, behind } = await tenancy.copies.import({ from: 'acme.tenant', as: 'acme-2' });
   */
  async import({ from, as, name, signal, onProgress }: ImportOptions): Promise<CopyReport> {
    const owner = this.#parts.owner();
    const target = { owner, as, name, contextOf: (service: string) => this.#contextOf(owner, service) };
    return this.#reported('Importing', as ?? 'the file', () =>
      withInput(from, signal, (file) => importTenant(file, target, { signal, onProgress })),
    );
  }

  /**
   * Copies a tenant inside the database. The copy is active, whatever the original is.
   *
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_NOT_READY`, `TENANCY_TENANT_BUSY`, `TENANCY_TENANT_DRIFTED`,
   * `TENANCY_TENANT_EXISTS`, `TENANCY_SCHEMA_TAKEN`, `TENANCY_MIGRATION_NEEDS_SERVICE`, `TENANCY_TRANSFER_FAILED`,
   * `TENANCY_OWNER_REQUIRED`. Nothing is left of it then.
   * @example
   * await tenancy.copies.clone('acme', 'acme-demo', { name: 'Acme (demo)' });
   */
  async clone(id: string, to: string, { name, ...watch }: CloneOptions = {}): Promise<CopyReport> {
    const from: TenantId = parseTenantId(id);
    const owner = this.#parts.owner();
    const { lockTimeoutMs } = this.#parts;
    const contextOf = (service: string) => this.#contextOf(owner, service);
    return this.#reported('Cloning', from, () =>
      cloneTenant({ owner, from, to, name, lockTimeoutMs, contextOf }, watch),
    );
  }

  async #reported<T>(
    what: Parameters<typeof transferError>[1],
    tenant: string,
    fn: () => Promise<T>,
    left?: string,
  ): Promise<T> {
    try {
      return await fn();
    } catch (error) {
      throw transferError(error, what, tenant, left);
    }
  }

  /** With all migrations that the catalog has: a tenant may be ahead of what this process ships. */
  async #contextOf(owner: pg.Pool, service: string): Promise<ServiceContext | undefined> {
    const { rows } = await owner.query('select from tenantry.service where name = $1', [service]);
    if (rows.length === 0) return undefined;
    const all = [this.#parts, ...this.#others.map((other) => other.#parts)];
    const { contextOf } = all.find((each) => each.service === service) ?? this.#parts;
    const context = await contextOf(service);
    return { ...context, shipped: await readService(owner, context.service) };
  }
}
