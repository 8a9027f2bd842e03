import { TenancyError } from '../errors/tenancy-error.js';

declare const brand: unique symbol;

/** A tenant's immutable id, proven to be safe as the first half of a schema and role name. */
export type TenantId = string & { readonly [brand]: 'TenantId' };

/** Longest tenant id, in bytes: with `_` and the longest service name it fills PostgreSQL's 63-byte identifier. */
export const tenantIdLengthMax = 40;

const shape = /^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/;

/** PostgreSQL keeps `pg_` for itself; the others are schemas or roles that every database already has. */
const reserved = /^(?:pg_.*|pg|public|none|information|information_schema|tenantry|postgres|template[01])$/;

/**
 * Why a text is no tenant id, as the end of the sentence "a tenant id …", or `undefined` when it is one.
 * Identifiers over 63 bytes are cut by PostgreSQL without an error, so two long ids could meet in one schema:
 * the length is checked here, before any SQL.
 */
export function whyNotTenantId(text: string): string | undefined {
  if (text.length === 0) return 'is not empty';
  if (text.length > tenantIdLengthMax) return `has at most ${tenantIdLengthMax} characters`;
  if (!shape.test(text))
    return 'has only lower-case letters, digits, "-" and "_", and starts and ends with a letter or digit';
  if (reserved.test(text)) return 'is not a name that PostgreSQL or Tenantry keeps for itself';
  return undefined;
}

/**
 * Parses a text from outside into a {@link TenantId}.
 *
 * @throws TenancyError `TENANCY_TENANT_ID_INVALID` when the text is not a tenant id.
 */
export function parseTenantId(text: string): TenantId {
  const rule = whyNotTenantId(text);
  if (rule !== undefined) throw new TenancyError('TENANCY_TENANT_ID_INVALID', { rule });
  return text as TenantId;
}
