import { TenancyError } from '../errors/tenancy-error.js';

declare const brand: unique symbol;

/** The name of a service that owns one schema in every tenant. It has no `_`, so `<tenantId>_<service>` splits one way only. */
export type ServiceName = string & { readonly [brand]: 'ServiceName' };

/** Longest service name, in bytes. */
export const serviceNameLengthMax = 22;

const shape = /^[a-z][a-z0-9]*$/;

/**
 * Parses a service name.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` when the text is not a service name.
 */
export function parseServiceName(text: string): ServiceName {
  if (!shape.test(text) || text.length > serviceNameLengthMax) {
    throw new TenancyError('TENANCY_OPTION_INVALID', {
      option: 'service',
      reason: `a service name has 1 to ${serviceNameLengthMax} lower-case letters and digits and starts with a letter`,
    });
  }
  return text as ServiceName;
}
