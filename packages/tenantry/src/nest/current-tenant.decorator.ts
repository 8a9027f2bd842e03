import { createParamDecorator } from '@nestjs/common';
import { requireTenantScope } from '../context/current-scope.js';
import type { Tenant } from '../tenant/tenant.js';

/**
 * Hands a route handler the tenant it runs for.
 *
 * @example
 * ```ts
 * class MeController {
 *   @Get('me')
 *   show(@CurrentTenant() tenant: Tenant) {
 *     return tenant.name;
 *   }
 * }
 * ```
 */
export const CurrentTenant: () => ParameterDecorator = createParamDecorator(
  (): Tenant => requireTenantScope('@CurrentTenant()').tenant,
);
