import { lockKey, lockNames } from '../../postgres/lock-names.js';
import { quoteLiteral } from '../../postgres/quote.js';
import { type Attempt, reached } from '../attempt.js';
import { type Ground, inFrom, rolledBack } from '../ground.js';

/** What a plain select may call that belongs to no schema, and so to no tenant. */
const calls: Readonly<Record<string, (ground: Ground) => string>> = {
  'see the keys of the locks that others hold': () => "select classid, objid from pg_locks where locktype = 'advisory'",
  'read the secret that keys are made from': () => 'select secret from tenantry.lock_secret',
  'ask for the key of a lock': ({ to }) => `select ${lockKey(lockNames.schema(to.schema))}`,
  'switch role by an update of pg_settings': ({ to }) =>
    `update pg_settings set setting = ${quoteLiteral(to.schema)} where name = 'role'`,
  "write a message into the server's log of changes": () => "select pg_logical_emit_message(true, 'probe', '')",
};

/** By what PostgreSQL gives everybody to call. */
export const byFunction: readonly Attempt[] = Object.entries(calls).map(([name, sql]) => ({
  name,
  tryIt: (ground: Ground) =>
    inFrom(ground, (em) => rolledBack(em, (inner) => reached(`ran: ${sql(ground)}`, inner.execute(sql(ground))))),
}));
