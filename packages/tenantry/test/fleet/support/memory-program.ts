import { Tenancy } from '../../../src/tenancy.js';
import { migrationOf } from '../../../../../test/support/migration-of.js';

/** What a {@link measure} is told, in its arguments. */
const [url = '', rollouts = '0', hoards = ''] = process.argv.slice(2);

const added = Array.from({ length: Number(rollouts) }, (_, index) => `${String(index + 2).padStart(6, '0')}-more`);
const migrations = {
  '000001-item': migrationOf(
    'create table item (id int primary key, name text)',
    "insert into item values (1, 'first')",
  ),
  ...Object.fromEntries(added.map((name) => [name, migrationOf(`alter table item add column "${name}" int`)])),
};

/** One number for each rollout: what the heap holds while its last tenant is told of. */
async function measure(): Promise<number[]> {
  const tenancy = await Tenancy.start({
    url,
    service: 'shop',
    migrations,
    listenUrl: false,
    ownerConnections: 3,
    connections: 6,
    reconcile: { automatic: false },
  });
  const heaps: number[] = [];
  const hoard: number[][] = [];
  for (const to of added) {
    let heap = 0;
    for await (const event of tenancy.fleet.migrate({ to })) {
      if (event.type !== 'progress' || event.done < event.total) continue;
      if (hoards) for (let n = 0; n < event.total; n++) hoard.push(Array.from({ length: 12_000 }, Math.random));
      globalThis.gc?.();
      heap = process.memoryUsage().heapUsed;
    }
    heaps.push(heap);
  }
  await tenancy.stop();
  // Kept until here.
  if (hoards && hoard.length === 0) throw new Error('Nothing was hoarded.');
  return heaps;
}

process.send?.(await measure());
process.disconnect();
