import type { LedgerRow } from '../migrations/plan-migrations.js';
import type { DriftDifference } from './drift-report.js';
import type { RegisteredMigration } from './read-ground.js';

/** What of a ledger does not fit its head and what the service registered. Pure. */
export function ledgerDifferences(
  head: string | null,
  ledger: readonly LedgerRow[],
  registered: readonly RegisteredMigration[],
): readonly DriftDifference[] {
  const ran = new Map(ledger.map(({ migration, checksum }) => [migration, checksum]));
  const place = registered.findIndex(({ name }) => name === head);
  const upToHead = registered.slice(0, place + 1);
  const differences: DriftDifference[] = [];
  const add = (object: string, problem: DriftDifference['problem'], words: string) =>
    void differences.push({ kind: 'ledger', object, problem, words, repair: null, destructive: false });
  if (head !== null && place < 0)
    add(head, 'unknown', `The head is ${head}, a migration that the service does not know.`);
  for (const { name } of upToHead) {
    if (!ran.has(name)) add(name, 'missing', `The head is ${head}, but the ledger lacks ${name}.`);
  }
  for (const { migration } of ledger.toSorted((one, other) => (one.migration < other.migration ? -1 : 1))) {
    const known = registered.find(({ name }) => name === migration);
    if (!known) {
      add(migration, 'unknown', `The ledger has ${migration}, a migration that the service does not know.`);
    } else if (known.checksum !== ran.get(migration)) {
      add(
        migration,
        'different',
        `${migration} was another migration when it ran here: its checksum differs from the registered one.`,
      );
    } else if (!upToHead.includes(known) && (head === null || place >= 0)) {
      add(migration, 'unknown', `The ledger has ${migration}, which comes after the head ${head ?? '(none)'}.`);
    }
  }
  return differences;
}
