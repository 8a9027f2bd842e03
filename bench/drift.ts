import pg from 'pg';
import { Tenancy } from 'tenantry';
import { detectDrift } from '../packages/tenantry/dist/drift/detect-drift.js';
import { type BenchDatabase, openBenchDatabase } from './database.ts';
import { fleetMigrations } from './fleet-tables.ts';
import { type BenchOptions, type BenchResult, median, rounded } from './result.ts';
import { tenantIds } from './tenants.ts';

const few = 100;
const drifted = 10;

/** How long does a look for drift take, and how does it grow? */
export async function drift(options: BenchOptions): Promise<BenchResult> {
  const many = options.quick ? 300 : 1000;
  const fleets = [await openFleet('drift_few', few), await openFleet('drift_many', many)] as const;
  const [small, large] = fleets;
  const times = { few: [] as number[], many: [] as number[], drifted: [] as number[] };
  try {
    for (let round = 0; round <= options.rounds; round++) {
      const looks = [() => look(small), () => look(large)];
      const taken = [0, 0];
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) taken[which] = (await looks[which]?.()) ?? 0;
      options.log(`${round === 0 ? 'warm-up' : `round ${round}`}: ${few} in ${taken[0]} ms, ${many} in ${taken[1]} ms`);
      if (round === 0) continue;
      times.few.push(taken[0] ?? 0);
      times.many.push(taken[1] ?? 0);
    }
    // Each in its own way, so that no explanation serves for another.
    for (const id of tenantIds(drifted))
      await large.database.admin.query(`alter table "${id}_shop".line add column "extra_${id}" int`);
    for (let round = 0; round < options.rounds; round++) times.drifted.push(await look(large, drifted));
  } finally {
    for (const fleet of fleets) await fleet.close();
  }
  const growth = times.many.map((time, round) => rounded(time / many / ((times.few[round] ?? Number.NaN) / few)));
  const ms = (each: readonly number[]) => Math.round(median(each));
  return {
    name: 'drift',
    question: `How long does a look for drift take over tenants with 6 tables each, and does the time per tenant grow from ${few} to ${many}?`,
    ratios: [
      {
        name: `time per tenant, ${many} against ${few} tenants`,
        value: rounded(median(growth)),
        target: 1,
        better: 'at most',
        rounds: growth,
      },
    ],
    figures: {
      postgres: large.database.version,
      rounds: options.rounds,
      [`${few} tenants, ms`]: ms(times.few),
      [`${many} tenants, ms`]: ms(times.many),
      [`${many} tenants, of which ${drifted} drifted, ms`]: ms(times.drifted),
    },
  };
}

interface Fleet {
  readonly database: BenchDatabase;
  readonly owner: pg.Pool;
  readonly count: number;
  close(): Promise<void>;
}

async function openFleet(name: string, count: number): Promise<Fleet> {
  const database = await openBenchDatabase(name);
  const reconcile = { automatic: false };
  const options = { url: database.url, service: 'shop', migrations: fleetMigrations, reconcile, ownerConnections: 4 };
  const tenancy = await Tenancy.start(options);
  await database.admin.query('insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id', [
    tenantIds(count),
  ]);
  const { provisioned } = await tenancy.reconcile();
  await tenancy.stop();
  if (provisioned !== count) throw new Error(`${provisioned} of ${count} tenants were provisioned`);
  const owner = new pg.Pool({ connectionString: database.url, max: 1 });
  return { database, owner, count, close: () => owner.end().then(() => database.close()) };
}

/** Milliseconds. */
async function look({ owner, count }: Fleet, expected = 0): Promise<number> {
  const report = await detectDrift(owner);
  if (report.checked !== count || report.drifted.length !== expected)
    throw new Error(`${report.drifted.length} of ${report.checked} tenants drifted`);
  return report.tookMs;
}
