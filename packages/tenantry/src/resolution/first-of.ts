import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantResolver } from './tenant-resolver.js';

/**
 * Asks resolvers one after the other; the first that finds a tenant decides, and an error of one ends the search.
 *
 * @example
 * const resolver = firstOf(fromSubdomain('example.com'), fromHeader());
 */
export function firstOf(...resolvers: readonly TenantResolver[]): TenantResolver {
  if (resolvers.length === 0)
    throw new TenancyError('TENANCY_OPTION_INVALID', {
      option: 'firstOf(...resolvers)',
      reason: 'it names no resolver',
    });
  return {
    expected: resolvers.map(({ expected }) => expected).join(' or '),
    async resolve(request) {
      for (const resolver of resolvers) {
        const tenant = await resolver.resolve(request);
        if (tenant !== undefined) return tenant;
      }
      return undefined;
    },
  };
}
