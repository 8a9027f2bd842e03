import { TenancyError } from '../../errors/tenancy-error.js';
import type { ServiceName } from '../../tenant/service-name.js';
import type { TenantId } from '../../tenant/tenant-id.js';
import type { OperationDefinition } from '../operations/operation-step.js';
import { closeSchemas } from './close-schemas.js';
import { schemasOf } from './tenant-schemas.js';
import { requireStatus, statusStep } from './tenant-status-step.js';

/**
 * Gives a tenant's schema back to the login that serves, and brings it to head.
 *
 * @param stayAt - For a schema that was taken down on purpose: the migration that it stays at.
 */
export type BringToHead = (tenant: TenantId, service: ServiceName, stayAt?: string | null) => Promise<void>;

/** Takes a tenant out of the archive, or off the list of those that are to be erased: at head, and served. */
export function restoreTenant(bringToHead: BringToHead): OperationDefinition {
  return {
    kind: 'restore',
    async check(client, tenant) {
      if ((await requireStatus(client, tenant, ['archived', 'deleted'])) === 'archived') return;
      const { rows } = await client.query('select from tenantry.tenant where id = $1 and erase_after is not null', [
        tenant,
      ]);
      // A deleted tenant without a date of erasure was deleted by a service, which has rows about it. Only the service
      // can undo that.
      if (rows.length === 0) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant });
    },
    steps: [
      statusStep('keep', 'archived'),
      {
        name: 'bring-to-head',
        outside: true,
        async apply({ client, tenant, progress }) {
          const schemas = await schemasOf(client, tenant);
          for (const [index, { service, held, head }] of schemas.entries()) {
            await bringToHead(tenant, service, held ? head : undefined);
            progress(index + 1, schemas.length);
          }
        },
        revert: (context) => context.inTransaction((client) => closeSchemas.apply({ ...context, client })),
      },
      statusStep('serve', 'active'),
    ],
  };
}
