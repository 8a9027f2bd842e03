import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantResolver } from './tenant-resolver.js';

/**
 * Reads the tenant from one segment of the path.
 *
 * @param pattern - The path up to the tenant, with `:tenant` for it: `/t/:tenant`.
 * @throws TenancyError `TENANCY_OPTION_INVALID` when the pattern has no `:tenant`.
 * @example
 * // /t/acme/items
 * const resolver = fromPath('/t/:tenant');
 */
export function fromPath(pattern: string): TenantResolver {
  const segments = pattern.split('/').filter((segment) => segment !== '');
  const index = segments.indexOf(':tenant');
  if (index < 0)
    throw new TenancyError('TENANCY_OPTION_INVALID', {
      option: 'fromPath(pattern)',
      reason: 'it has no segment ":tenant"',
    });
  return {
    expected: `a path like ${pattern}`,
    resolve({ url, originalUrl = url }) {
      const asked = originalUrl.split(/[?#]/, 1)[0]?.split('/').slice(1) ?? [];
      const matches = segments.slice(0, index).every((segment, at) => segment.startsWith(':') || segment === asked[at]);
      return matches ? decode(asked[index]) : undefined;
    },
  };
}

/** What cannot be decoded cannot be a tenant id; as it stands it is refused with a clear answer. */
function decode(segment: string | undefined): string | undefined {
  try {
    return segment && decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
