import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantResolver } from './tenant-resolver.js';

/**
 * Reads the tenant from the host: `acme.example.com` is `acme` under the domain `example.com`. The domain itself and other
 * hosts name no tenant; deeper subdomains (`a.b.example.com`) name none either.
 *
 * @param domain - The domain below which each tenant has its own.
 * @throws TenancyError `TENANCY_OPTION_INVALID` when that is no domain.
 * @example
 * const resolver = fromSubdomain('example.com');
 */
export function fromSubdomain(domain: string): TenantResolver {
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(domain)) {
    throw new TenancyError('TENANCY_OPTION_INVALID', {
      option: 'fromSubdomain(domain)',
      reason: 'it is not a domain like example.com',
    });
  }
  const suffix = `.${domain.toLowerCase()}`;
  return {
    expected: `a host below ${domain}`,
    resolve({ headers }) {
      const host = headers.host?.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
      if (!host?.endsWith(suffix)) return undefined;
      const label = host.slice(0, -suffix.length);
      return label.includes('.') ? undefined : label;
    },
  };
}
