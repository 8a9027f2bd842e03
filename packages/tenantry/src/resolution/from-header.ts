import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantResolver } from './tenant-resolver.js';

/**
 * Reads the tenant from a header. Trust it only behind something that sets it: a client can send any header.
 *
 * @param name - Of the header. Default `x-client`.
 * @throws TenancyError `TENANCY_TENANT_AMBIGUOUS` when the header comes twice.
 * @example
 * TenancyModule.forRoot({ url, service: 'inventory', resolver: fromHeader('x-client') });
 */
export function fromHeader(name = 'x-client'): TenantResolver {
  const key = name.toLowerCase();
  return {
    expected: `the header ${key}`,
    resolve({ headers }) {
      const value = headers[key];
      // Node joins the values of a header that comes twice with a comma.
      if (Array.isArray(value) || value?.includes(',')) throw new TenancyError('TENANCY_TENANT_AMBIGUOUS');
      return value;
    },
  };
}
