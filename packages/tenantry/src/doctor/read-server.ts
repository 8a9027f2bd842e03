import { one } from '../postgres/one.js';
import type { Querier } from '../postgres/querier.js';
import type { ServerFacts } from './doctor-facts.js';

/** Reads what the server is set to. */
export async function readServer(client: Querier): Promise<ServerFacts> {
  // reserved_connections came with 16. A setting of the database or the role itself counts as everybody's.
  const { rows } = await client.query<ServerFacts>(
    `select current_setting('server_version_num')::int as version,
            current_setting('max_connections')::int as "maxConnections",
            current_setting('superuser_reserved_connections')::int
              + coalesce(current_setting('reserved_connections', true)::int, 0) as "reservedConnections",
            current_setting('max_locks_per_transaction')::int as "maxLocksPerTransaction",
            current_setting('max_prepared_transactions')::int as "maxPreparedTransactions",
            current_setting('fsync')::bool as fsync,
            current_setting('full_page_writes')::bool as "fullPageWrites",
            current_setting('synchronous_commit') <> 'off' as "synchronousCommit",
            (select count(*)::int from pg_catalog.pg_class where relkind in ('r', 'p')) as tables`,
  );
  return one(rows, 'what PostgreSQL says about itself');
}
