import { type BenchDatabase, openBenchDatabase } from './database.ts';
import { type LoadResult, sendLoad } from './load.ts';
import { type BenchOptions, type BenchResult, median, ratioOf, rounded } from './result.ts';
import { type BenchService, inventoryMain, startBenchService } from './service.ts';
import { fillItems, provisionTenants, tenantIds } from './tenants.ts';

const connections = 10;
// Of ten connections one listens and two are the reconciler's.
const poolSize = '7';
const rowsShown = 20;
const spreadName = 'plain, every schema';

interface Target {
  readonly name: string;
  readonly service: BenchService;
  readonly tenants: readonly string[];
}

/** What does tenancy cost a request? */
export async function request(options: BenchOptions): Promise<BenchResult> {
  const database = await openBenchDatabase('request');
  const services: BenchService[] = [];
  try {
    const targets = await start(database, services, options.quick ? 100 : 1000);
    await requireEqualAnswers(targets);
    const get = await measure(targets, 'GET', options);
    const post = await measure(targets, 'POST', options);
    return report(get, post, database.version, options);
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    await database.close();
  }
}

async function start({ url, admin }: BenchDatabase, services: BenchService[], many: number): Promise<Target[]> {
  const ids = tenantIds(many);
  const inventory = await startBenchService(inventoryMain, {
    DATABASE_URL: url,
    TENANTRY_CONNECTIONS: `${connections}`,
  });
  services.push(inventory);
  await provisionTenants(admin, ids);
  await admin.query(`create schema plain; create table plain.item (like "${ids[0]}_inventory".item including all)`);
  await fillItems(admin, ['plain', ...ids.map((id) => `${id}_inventory`)], rowsShown);
  await admin.query('vacuum analyze');
  const env = { DATABASE_URL: url, POOL_SIZE: poolSize };
  const plain = await startBenchService('bench/services/plain.ts', env);
  const spread = await startBenchService('bench/services/spread.ts', env);
  const bare = await startBenchService('bench/services/bare.ts', env);
  services.push(plain, spread, bare);
  // Every target is sent requests of the same kind and number, so that the load costs the same; plain and bare do not look at it.
  const one = ids.map(() => ids[0] ?? '');
  return [
    { name: 'plain', service: plain, tenants: one },
    { name: spreadName, service: spread, tenants: ids },
    { name: 'tenancy, 1 tenant', service: inventory, tenants: one },
    { name: `tenancy, ${many} tenants`, service: inventory, tenants: ids },
    { name: 'bare', service: bare, tenants: one },
  ];
}

/** Compares only what does the same: every target has to answer with the same bytes. */
async function requireEqualAnswers(targets: readonly Target[]): Promise<void> {
  const answers = await Promise.all(
    targets.map(async ({ service, tenants }) => {
      const response = await fetch(`${service.url}/items?limit=${rowsShown}`, {
        headers: tenants[0] ? { 'x-client': tenants[0] } : {},
      });
      return response.text();
    }),
  );
  const [first = ''] = answers;
  if (answers.some((answer) => answer !== first) || JSON.parse(first).length !== rowsShown) {
    throw new Error(`The services answer differently: ${answers.map((answer) => answer.slice(0, 80)).join(' | ')}`);
  }
}

async function measure(
  targets: readonly Target[],
  method: 'GET' | 'POST',
  options: BenchOptions,
): Promise<Map<string, LoadResult[]>> {
  const results = new Map<string, LoadResult[]>(targets.map(({ name }) => [name, []]));
  // Short turns and many of them: what else happens on the machine meets all targets alike.
  const rounds = options.quick ? options.rounds : 3 * options.rounds;
  // The first round warms up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? targets : targets.toReversed();
    for (const { name, service, tenants } of order) {
      const url = method === 'GET' ? `${service.url}/items?limit=${rowsShown}` : `${service.url}/items`;
      const body = method === 'POST' ? { body: JSON.stringify({ name: 'an item' }) } : {};
      const seconds = round > 0 || options.quick ? 2 : 6;
      const result = await sendLoad({ url, method, ...body, tenants, seconds, connections: 16 });
      options.log(`${method} ${round === 0 ? 'warm-up' : `round ${round}`}: ${name} ${Math.round(result.perSecond)}/s`);
      if (round > 0) results.get(name)?.push(result);
    }
  }
  return results;
}

function report(
  get: Map<string, LoadResult[]>,
  post: Map<string, LoadResult[]>,
  postgres: string,
  { rounds }: BenchOptions,
): BenchResult {
  const perSecond = (results: Map<string, LoadResult[]>, name: string) =>
    (results.get(name) ?? []).map((result) => result.perSecond);
  const [one = '', many = ''] = [...get.keys()].filter((name) => name.startsWith('tenancy'));
  const compare = (method: 'GET' | 'POST', mine: string, floor: string, against: string, target: number) => {
    const results = method === 'GET' ? get : post;
    const name = `${method} /items, ${mine}, against ${against}`;
    return ratioOf(name, target, perSecond(results, mine), perSecond(results, floor));
  };
  const methods = ['GET', 'POST'] as const;
  const ratios = [
    ...methods.flatMap((method) =>
      [one, many].map((mine) => compare(method, mine, 'plain', 'the same app without', 0.95)),
    ),
    compare('GET', one, 'bare', 'bare Fastify and pg', 0.5),
    compare('POST', one, 'bare', 'bare Fastify and pg', 0),
    // The price of many tables, and what tenancy adds to it.
    ...methods.flatMap((method) => [
      compare(method, spreadName, 'plain', 'the same app with one schema', 0),
      compare(method, many, spreadName, 'the same app without, over the same schemas', 0),
    ]),
  ];
  const figures = (results: Map<string, LoadResult[]>) =>
    Object.fromEntries(
      [...results].map(([name, each]) => [
        name,
        {
          perSecond: Math.round(median(each.map((r) => r.perSecond))),
          p50Ms: median(each.map((r) => r.p50Ms)),
          p99Ms: rounded(median(each.map((r) => r.p99Ms))),
        },
      ]),
    );
  return {
    name: 'request',
    question: 'What does tenancy cost a request? Throughput, 16 connections, the load on the same two cores.',
    ratios,
    figures: { postgres, rounds, GET: figures(get), POST: figures(post) },
  };
}
