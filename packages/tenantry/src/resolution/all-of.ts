import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantResolver } from './tenant-resolver.js';

/**
 * Asks all resolvers; each must find a tenant, and all the same one. With `allOf(fromClaim(…), fromHeader())` a client may
 * choose a tenant by header only where its verified token says so. To let requests without the header pass:
 * `firstOf(allOf(claim, header), claim)`.
 *
 * @throws TenancyError `TENANCY_TENANT_MISMATCH` when two of them name different tenants.
 * @example
 * const claim = fromClaim({ key: publicKey, algorithms: ['ES256'] });
 * const resolver = firstOf(allOf(claim, fromHeader()), claim);
 */
export function allOf(...resolvers: readonly TenantResolver[]): TenantResolver {
  if (resolvers.length === 0)
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'allOf(...resolvers)', reason: 'it names no resolver' });
  return {
    expected: resolvers.map(({ expected }) => expected).join(' and '),
    async resolve(request) {
      const found: (string | undefined)[] = [];
      for (const resolver of resolvers) found.push(await resolver.resolve(request));
      const [first, ...others] = found;
      if (found.includes(undefined)) return undefined;
      if (others.some((tenant) => tenant !== first)) throw new TenancyError('TENANCY_TENANT_MISMATCH');
      return first;
    },
  };
}
