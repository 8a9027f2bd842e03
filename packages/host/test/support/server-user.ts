// A process of its own that uses a local PostgreSQL: says how it went, stops its use when told to, or is killed.
import { startLocalPostgres } from '../../src/local-postgres/start-local-postgres.ts';

const [dataDir = ''] = process.argv.slice(2);
try {
  const postgres = await startLocalPostgres({ dataDir, settings: { fsync: 'off' } });
  process.send?.({ url: postgres.url, joined: postgres.joined });
  process.once('message', () => {
    void postgres.stop().then(() => process.disconnect());
  });
} catch (error) {
  process.send?.({ error: (error as Error).message });
  process.disconnect();
}
