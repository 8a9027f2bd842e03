import type pg from 'pg';
import type { Statement } from '../postgres/one-flight.js';
import { inOwnTransaction, type Lender, opening } from '../postgres/transaction.js';

type Isolation = 'read committed' | 'repeatable read';

/** Milliseconds that one statement may copy or count. Nobody waits for it, and large tables take their time. */
const longMs = 86_400_000;

/** How every transaction of an adoption is set: names mean one thing, values have one text, and no policy hides a row. */
const settings = `search_path = '', timezone = 'UTC', datestyle = 'ISO', intervalstyle = 'postgres', bytea_output = 'hex',
  extra_float_digits = '1', row_security = 'off', jit = 'off', synchronous_commit = 'off', tenantry.adopting = 'on'`;

const set = settings.split(',').map((each) => {
  const [name = '', value = ''] = each.split(' = ');
  return `set_config('${name.trim()}', ${value}, true)`;
});

/**
 * Opens a transaction. `tenantry.adopting` keeps the capture from capturing what the adoption itself writes. Commits do
 * not wait for the disk: rows and progress are lost together or not at all.
 */
export function open(isolation: Isolation, lockTimeoutMs = 5000): Statement[] {
  return [
    ...opening({ isolation }),
    {
      text: `select ${set.join(', ')}, set_config('statement_timeout', '${longMs}', true), set_config('lock_timeout', '${lockTimeoutMs}', true), set_config('idle_in_transaction_session_timeout', '0', true)`,
    },
  ];
}

/** Runs code in such a transaction; nothing of it stays when it fails. */
export function within<T>(
  owner: Lender,
  isolation: Isolation,
  fn: (client: pg.PoolClient) => Promise<T>,
  lockTimeoutMs?: number,
): Promise<T> {
  return inOwnTransaction(owner, open(isolation, lockTimeoutMs), fn);
}
