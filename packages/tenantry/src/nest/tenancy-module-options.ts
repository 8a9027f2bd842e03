import type { TenancyOptions } from '../options.js';
import type { TenantResolver } from '../resolution/tenant-resolver.js';

/**
 * Options of `TenancyModule`.
 *
 * @example
 * const options: TenancyModuleOptions = { url, service: 'inventory', resolver: fromSubdomain('example.com') };
 */
export interface TenancyModuleOptions extends TenancyOptions {
  /** Takes the tenant out of a request. Without it every route runs in the catalog scope. */
  resolver?: TenantResolver | undefined;
}
