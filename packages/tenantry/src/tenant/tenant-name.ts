import { TenancyError } from '../errors/tenancy-error.js';

/**
 * Checks a tenant's name, which is for people: anything printable, 1 to 200 characters.
 *
 * @throws TenancyError `TENANCY_TENANT_NAME_INVALID`.
 */
export function checkTenantName(name: string): string {
  // Counted as PostgreSQL counts: one emoji is one character.
  const length = Array.from(name).length;
  if (length === 0 || length > 200 || /\p{Cc}/u.test(name)) throw new TenancyError('TENANCY_TENANT_NAME_INVALID');
  return name;
}
