import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import type { TenancyErrorCode } from '../errors/error-codes.js';
import { migrateTenant } from '../fleet/migrate-tenant.js';
import { retrying } from '../postgres/contention.js';
import { translateError } from '../postgres/translate-error.js';
import { schemaNameOf } from '../tenant/schema-name.js';
import type { TenantId } from '../tenant/tenant-id.js';
import type { NewTenant } from './new-tenant.js';
import { isRoleClash } from '../provision/provisioner.js';

/** A service of a copied tenant that could not be taken to head: the copy is complete, and behind. */
export interface LeftBehind {
  readonly service: string;
  readonly code: TenancyErrorCode;
  readonly reason: string;
}

/** What a copy is, once it is there. */
export interface CopyReport {
  readonly tenant: TenantId;
  readonly services: readonly string[];
  readonly tables: number;
  readonly rows: number;
  /** Empty when all its services are at head. `tenantry migrate --tenant` goes on. */
  readonly behind: readonly LeftBehind[];
}

/**
 * Runs the beginning of a copy's transaction, again when somebody else worked on the same role at that moment: roles
 * belong to the server, and another database may have a tenant of the same id.
 */
export function pastRoleClashes<T>(client: pg.ClientBase, begin: () => Promise<T>): Promise<T> {
  const beginOnce = () =>
    begin().catch(async (error: unknown) => {
      await client.query('rollback');
      throw error;
    });
  return retrying(beginOnce, { attempts: 3, when: (error) => isRoleClash({ cause: error }), delayMs: () => 0 });
}

/** Takes a copy to the head of its services; what fails leaves it behind, as any tenant may be. */
export async function bringToHead({ id, schemas }: NewTenant): Promise<LeftBehind[]> {
  const behind: LeftBehind[] = [];
  for (const { context } of schemas) {
    try {
      await migrateTenant(context, id);
    } catch (error) {
      const { code, operatorMessage: reason } =
        translateError(error) ??
        new TenancyError('TENANCY_MIGRATION_FAILED', {
          schema: schemaNameOf(id, context.service),
          outcome: 'and was rolled back',
          reason: (error as Error).message,
        });
      behind.push({ service: context.service, code, reason });
    }
  }
  return behind;
}
