import { SetMetadata } from '@nestjs/common';
import type { TenantEventType } from '../lifecycle/events/tenant-event.js';

export const tenantEventKey = 'tenantry:on-tenant-event';

/**
 * Calls a method of a provider or a controller with each event of a type, once in every process, in the catalog scope. What
 * it throws is logged, and harms nobody.
 *
 * @param type - `*` is every type.
 * @example
 * ```ts
 * class Mailboxes {
 *   @OnTenantEvent('tenant.created')
 *   open({ tenant }: TenantEvent) {
 *     log(`a mailbox for ${tenant}`);
 *   }
 * }
 * ```
 */
export const OnTenantEvent = (type: TenantEventType | '*'): MethodDecorator => SetMetadata(tenantEventKey, type);
