import type { TenantResolver } from './tenant-resolver.js';

/**
 * Reads the tenant from the host: `acme.example.com` is `acme` under the domain `example.com`. The domain itself and other
 * hosts name no tenant; deeper subdomains (`a.b.example.com`) name none either.
 *
 * @param domain - The domain below which each tenant has its own.
 */
export function fromSubdomain(domain: string): TenantResolver {
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
