import { createParamDecorator } from '@nestjs/common';
import { requireTenantScope } from '../context/current-scope.js';
import type { Tenant } from '../tenant/tenant.js';

/** Hands a route handler the tenant it runs for. */
export const CurrentTenant: () => ParameterDecorator = createParamDecorator(
  (): Tenant => requireTenantScope('@CurrentTenant()').tenant,
);
