import { quoteIdentifier } from '../../postgres/quote.js';

/**
 * Settings with which a value has one text, everywhere, that reads back as the same value; for a transaction. Nothing else
 * limits how long rows may take: locks were waited for before. Pure.
 */
export function portableText(): string {
  const settings = {
    datestyle: 'ISO, YMD',
    intervalstyle: 'postgres',
    timezone: 'UTC',
    extra_float_digits: '1',
    bytea_output: 'hex',
    lc_monetary: 'C',
    xmloption: 'content',
    // With this off, a policy that would hide rows from the owner is an error. With it on, the copy would silently lack
    // them.
    row_security: 'off',
    statement_timeout: '0',
    idle_in_transaction_session_timeout: '0',
  };
  return Object.entries(settings)
    .map(([name, value]) => `set local ${name} to '${value}'`)
    .join('; ');
}

/** The search path with which functions behind checks and generated columns find what they name. Pure. */
export function pathOf(schema: string, sharedSchemas: readonly string[]): string {
  return `set local search_path to ${[schema, ...sharedSchemas].map(quoteIdentifier).join(', ')}`;
}
