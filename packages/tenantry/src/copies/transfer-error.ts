import { TenancyError } from '../errors/tenancy-error.js';
import type { TenancyErrorCode } from '../errors/error-codes.js';
import { translateError } from '../postgres/translate-error.js';

/** Codes whose sentence already says what to do. Every other error is wrapped, with its message as the reason. */
const opaque: readonly TenancyErrorCode[] = [
  'TENANCY_CONFLICT',
  'TENANCY_VALUE_INVALID',
  'TENANCY_ACCESS_DENIED',
  'TENANCY_STATEMENT_TIMEOUT',
  'TENANCY_DEADLOCK',
  'TENANCY_SERIALIZATION_FAILURE',
];

/**
 * What stopped an export, an import or a clone.
 *
 * @param left - What is left of it.
 */
export function transferError(
  error: unknown,
  what: 'Exporting' | 'Importing' | 'Cloning',
  tenant: string,
  left = 'nothing of it is left',
): TenancyError {
  const known = translateError(error);
  if (known && !opaque.includes(known.code)) return known;
  if ((error as Error).name === 'AbortError')
    return new TenancyError(
      'TENANCY_TRANSFER_FAILED',
      { what, tenant, left, reason: 'it was stopped' },
      { cause: error },
    );
  const { message, detail, where } = error as Error & { detail?: string; where?: string };
  const reason = [message, detail, where?.split('\n', 1)[0]].filter((each) => each).join('; ');
  return new TenancyError('TENANCY_TRANSFER_FAILED', { what, tenant, left, reason }, { cause: error });
}
