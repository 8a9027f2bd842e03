import type { DoctorFacts, ServerFacts } from '../doctor-facts.js';
import type { DoctorFinding } from '../doctor-finding.js';

/** What is tested: the first that is, and the first that is not any more. */
const [oldest, tooNew] = [150_000, 190_000];

/** Whether the server keeps what it was given, and has room for what is to come. Pure. */
export function* checkServer({ server, serving, pooling, catalog }: DoctorFacts): Iterable<DoctorFinding> {
  yield* ofVersion(server);
  yield* ofDurability(server);
  if (catalog !== undefined) {
    yield {
      code: 'CATALOG_UNFIT',
      severity: 'unsafe',
      sentence: catalog,
      change:
        'Run `tenantry migrate`, or start a process with DATABASE_OWNER_URL, of the newest version that is deployed.',
    };
  }
  const { connections = 10, processes = 1 } = serving;
  const free = server.maxConnections - server.reservedConnections;
  if (pooling.serving === 'none' && connections * processes > free) {
    yield {
      code: 'CONNECTIONS_TOO_MANY',
      severity: 'weak',
      sentence: `${processes} × ${connections} connections are more than the ${free} that PostgreSQL gives to ordinary roles, so some requests would be answered 503.`,
      change: 'Lower `connections`, raise max_connections, or put PgBouncer between and set `transactionPooler: true`.',
    };
  }
  const slots = server.maxLocksPerTransaction * (server.maxConnections + server.maxPreparedTransactions);
  if (server.tables > slots) {
    const wanted = Math.ceil((server.tables / server.maxConnections) * 1.2);
    yield {
      code: 'LOCKS_TOO_FEW',
      severity: 'weak',
      sentence: `A dump of the whole database locks each of its ${server.tables} tables, and there is room for ${slots} locks.`,
      change: `Set max_locks_per_transaction to ${wanted} and restart PostgreSQL, or dump tenant by tenant.`,
    };
  }
}

function* ofVersion({ version }: ServerFacts): Iterable<DoctorFinding> {
  const major = Math.floor(version / 10_000);
  const change = 'Use PostgreSQL 15 to 18.';
  if (version < oldest) {
    const sentence = `PostgreSQL ${major} is older than what Tenantry's walls were built for.`;
    yield { code: 'POSTGRESQL_TOO_OLD', severity: 'unsafe', sentence, change };
  }
  if (version >= tooNew) {
    const sentence = `Nobody has tested this version of Tenantry with PostgreSQL ${major}.`;
    yield { code: 'POSTGRESQL_UNTESTED', severity: 'note', sentence, change };
  }
}

function* ofDurability({ fsync, fullPageWrites, synchronousCommit }: ServerFacts): Iterable<DoctorFinding> {
  for (const [name, on] of [
    ['fsync', fsync],
    ['full_page_writes', fullPageWrites],
  ] as const) {
    if (on) continue;
    yield {
      code: `${name.toUpperCase()}_OFF`,
      severity: 'unsafe',
      sentence: `${name} is off: a crash of the machine may destroy the whole cluster, every tenant's data with it.`,
      change: `Set ${name} to on.`,
    };
  }
  if (synchronousCommit) return;
  yield {
    code: 'SYNCHRONOUS_COMMIT_OFF',
    severity: 'weak',
    sentence:
      'synchronous_commit is off: a crash forgets the last transactions, though callers were told that they succeeded.',
    change: 'Set synchronous_commit to on.',
  };
}
