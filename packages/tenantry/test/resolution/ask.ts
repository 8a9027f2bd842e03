import type { IncomingHttpHeaders } from 'node:http';
import type { TenancyErrorCode } from '../../src/errors/error-codes.js';
import { TenancyError } from '../../src/errors/tenancy-error.js';
import type { TenantResolver } from '../../src/resolution/tenant-resolver.js';

/** What a resolver finds in a request, or the code it refuses it with. */
export async function ask(
  resolver: TenantResolver,
  headers: IncomingHttpHeaders,
  url = '/',
): Promise<string | undefined> {
  try {
    return await resolver.resolve({ headers, url });
  } catch (error) {
    if (error instanceof TenancyError) return error.code;
    throw error;
  }
}

/** The code that a call is refused with. */
export function codeOf(call: () => unknown): TenancyErrorCode | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof TenancyError) return error.code;
    throw error;
  }
}
