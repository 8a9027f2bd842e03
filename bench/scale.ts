import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type BenchDatabase, openBenchDatabase } from './database.ts';
import { sendLoad } from './load.ts';
import { type BenchOptions, type BenchResult, type Ratio, rounded } from './result.ts';
import { type BenchService, inventoryMain, startBenchService } from './service.ts';
import { fillItems, provisionTenants, tenantIds } from './tenants.ts';

const connectionsMax = 10;

/** What one step of touched tenants leaves behind. */
interface Step {
  readonly tenants: number;
  readonly rssMb: number;
  /** What JavaScript holds; the rest of the resident memory is the engine's own. */
  readonly heapMb: number;
  readonly connectionsMost: number;
  readonly getP99Ms: number;
  readonly backendPrivateMb: { readonly largest: number; readonly sum: number } | 'not readable here';
}

/** Does cost grow with the number of tenants? */
export async function scale(options: BenchOptions): Promise<BenchResult> {
  const database = await openBenchDatabase('scale');
  const counts = options.quick ? [10, 100, 300] : [10, 1000, 5000];
  try {
    const ids = await prepare(database, counts.at(-1) ?? 0, options);
    const bounded = await touchAll(database, ids, counts, { TENANTRY_CONNECTION_MAX_USES: '5000' }, options);
    const unbounded = await touchAll(database, ids, counts, { TENANTRY_CONNECTION_MAX_USES: '1000000000' }, options);
    return report(bounded, unbounded, database.version);
  } finally {
    await database.close();
  }
}

async function prepare(database: BenchDatabase, count: number, { log }: BenchOptions): Promise<string[]> {
  const ids = tenantIds(count);
  const inventory = await startBenchService(inventoryMain, { DATABASE_URL: database.url });
  log(`provisioning ${count} tenants`);
  await provisionTenants(database.admin, ids);
  await inventory.stop();
  await fillItems(
    database.admin,
    ids.map((id) => `${id}_inventory`),
    20,
  );
  await database.admin.query('vacuum analyze');
  return ids;
}

async function touchAll(
  database: BenchDatabase,
  ids: readonly string[],
  counts: readonly number[],
  env: Record<string, string>,
  options: BenchOptions,
): Promise<Step[]> {
  const tenancy = {
    DATABASE_URL: database.url,
    TENANTRY_CONNECTIONS: `${connectionsMax}`,
    TENANTRY_CONNECTION_MAX_AGE_SECONDS: '86400',
    ...env,
  };
  // A signal makes the service collect its garbage, so that memory is what is kept, not what has not been collected yet.
  // A young generation of one size, which otherwise grows with the number of requests.
  const service = await startBenchService(inventoryMain, tenancy, [
    '--expose-gc',
    '--min-semi-space-size=16',
    '--max-semi-space-size=16',
    '--import',
    './bench/services/collect-on-signal.ts',
  ]);
  const sampler = sampleConnections(database);
  const steps: Step[] = [];
  try {
    // Until the code is compiled and the heap has its size: as many requests as the largest step sends.
    await load(service, ids.slice(0, 10), options.quick ? 3 : 20);
    for (const count of counts) {
      const touched = ids.slice(0, count);
      const p99 = await load(service, touched, options.quick ? 3 : Math.max(10, count / 200));
      steps.push({
        tenants: count,
        ...(await settledMemory(service)),
        connectionsMost: sampler.most(),
        getP99Ms: p99,
        backendPrivateMb: await backendMemory(database),
      });
      options.log(JSON.stringify(steps.at(-1)));
    }
  } finally {
    await sampler.stop();
    await service.stop();
  }
  return steps;
}

/** Gets and posts through all tenants several times, then gets at a rate that leaves room; answers the p99 of those. */
async function load({ url }: BenchService, tenants: readonly string[], seconds: number): Promise<number> {
  const post = { url: `${url}/items`, method: 'POST', body: JSON.stringify({ name: 'touched' }) } as const;
  const get = { url: `${url}/items?limit=20`, method: 'GET' } as const;
  const connections = 16;
  await sendLoad({ ...post, tenants, seconds: Math.ceil(seconds / 2), connections });
  const { requests } = await sendLoad({ ...get, tenants, seconds, connections });
  if (requests < 2 * tenants.length)
    throw new Error(`${requests} requests do not touch ${tenants.length} tenants twice`);
  // At full load a p99 is the throughput in other words.
  const { p99Ms } = await sendLoad({ ...get, tenants, seconds: 10, connections, rate: 500 });
  return p99Ms;
}

async function settledMemory({ child }: BenchService): Promise<Pick<Step, 'rssMb' | 'heapMb'>> {
  let heapUsed = 0;
  for (let i = 0; i < 3; i++) {
    const collected = once(child, 'message');
    child.kill('SIGUSR2');
    [{ heapUsed }] = (await collected) as [{ heapUsed: number }];
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return { rssMb: rounded(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024), heapMb: rounded(heapUsed / 2 ** 20) };
}

/** Memory of the service's backends that no other process has a part in. */
async function backendMemory({ admin }: BenchDatabase): Promise<Step['backendPrivateMb']> {
  const { rows } = await admin.query<{ pid: number }>(
    "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and application_name <> 'bench'",
  );
  try {
    const each = await Promise.all(
      rows.map(async ({ pid }) => {
        const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
        return Number(/Private_Dirty:\s+(\d+)/.exec(rollup)?.[1]) / 1024;
      }),
    );
    return { largest: rounded(Math.max(...each)), sum: rounded(each.reduce((a, b) => a + b, 0)) };
  } catch {
    return 'not readable here';
  }
}

function sampleConnections({ admin }: BenchDatabase): { most(): number; stop(): Promise<void> } {
  let most = 0;
  let sampling: Promise<void> = Promise.resolve();
  const sample = async () => {
    const { rows } = await admin.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and application_name <> 'bench'",
    );
    most = Math.max(most, rows[0]?.n ?? 0);
  };
  const timer = setInterval(() => {
    sampling = sampling.then(sample);
  }, 100);
  return {
    most: () => most,
    async stop() {
      clearInterval(timer);
      await sampling;
    },
  };
}

function report(bounded: readonly Step[], unbounded: readonly Step[], postgres: string): BenchResult {
  const [first, last] = [bounded[0], bounded.at(-1)];
  const atMost = (name: string, value: number, target: number): Ratio => ({
    name,
    value: rounded(value),
    target,
    better: 'at most',
    rounds: [rounded(value)],
  });
  const largest = (step: Step | undefined) =>
    typeof step?.backendPrivateMb === 'object' ? step.backendPrivateMb.largest : Number.NaN;
  const steps = `${first?.tenants} to ${last?.tenants} tenants`;
  return {
    name: 'scale',
    question:
      'Does cost grow with the number of tenants? The inventory process and its PostgreSQL backends after touching more and more of them.',
    ratios: [
      atMost(`MB that the process grew from ${steps}`, (last?.rssMb ?? Number.NaN) - (first?.rssMb ?? Number.NaN), 20),
      atMost(
        'most connections ever, against the maximum',
        Math.max(...bounded.map((step) => step.connectionsMost)) / connectionsMax,
        1,
      ),
      atMost(
        `p99 of GET at ${last?.tenants} tenants against ${first?.tenants}`,
        (last?.getP99Ms ?? Number.NaN) / (first?.getP99Ms ?? Number.NaN),
        1.5,
      ),
      atMost('largest backend with bounded use against unbounded', largest(last) / largest(unbounded.at(-1)), 1),
    ],
    figures: { postgres, 'connections replaced after 5000 uses': bounded, 'connections never replaced': unbounded },
  };
}
