import { TenancyError } from './errors/tenancy-error.js';

/**
 * What only a process with the owner role has.
 *
 * @param what - What is to be done with it, for the error.
 * @throws TenancyError `TENANCY_OWNER_REQUIRED`.
 */
export function requireOwner<T>(owned: T | undefined, what: string): T {
  if (owned === undefined) throw new TenancyError('TENANCY_OWNER_REQUIRED', { what });
  return owned;
}
