import pg from 'pg';
import { Tenancy } from 'tenantry';
import { migrations } from '../apps/inventory/dist/migrations/index.js';
import { parseServiceName } from '../packages/tenantry/dist/tenant/service-name.js';
import { type BenchDatabase, openBenchDatabase } from './database.ts';
import { type BenchOptions, type BenchResult, median, ratioOf } from './result.ts';
import { provisioningOf, type StatementsOf } from './provisioning-of.ts';
import { tenantIds } from './tenants.ts';

const service = parseServiceName('inventory');

/** How fast is a new tenant made? */
export async function provision(options: BenchOptions): Promise<BenchResult> {
  const database = await openBenchDatabase('provision');
  const few = options.quick ? 50 : 200;
  const many = options.quick ? 200 : 1000;
  const tenancy = await Tenancy.start({ url: database.url, service, migrations, reconcile: { automatic: false } });
  const psql = new pg.Client({ connectionString: database.url });
  await psql.connect();
  const rates = { psql: [] as number[], 'one by one': [] as number[], 'at once': [] as number[] };
  try {
    const statements = await provisioningOf(service, migrations, database);
    for (let round = 0; round <= options.rounds; round++) {
      const name = (kind: string) => tenantIds(kind === 'c' ? many : few, `${kind}${round}x`);
      const floor = await rate(name('a'), database, (ids) => asPsqlWould(psql, ids, statements));
      const oneByOne = await rate(name('b'), database, async (ids) => {
        for (const id of ids) await tenancy.run(id, () => undefined);
      });
      const atOnce = await rate(name('c'), database, async (ids) => {
        const { provisioned } = await tenancy.reconcile();
        if (provisioned !== ids.length) throw new Error(`${provisioned} of ${ids.length} tenants were provisioned`);
      });
      options.log(
        `${round === 0 ? 'warm-up' : `round ${round}`}: psql ${floor.toFixed(0)}/s, one by one ${oneByOne.toFixed(0)}/s, at once ${atOnce.toFixed(0)}/s`,
      );
      if (round === 0) continue;
      rates.psql.push(floor);
      rates['one by one'].push(oneByOne);
      rates['at once'].push(atOnce);
    }
  } finally {
    await psql.end();
    await tenancy.stop();
    await database.close();
  }
  const figures = Object.fromEntries(
    Object.entries(rates).map(([name, each]) => [`${name}, tenants per second`, Math.round(median(each))]),
  );
  return {
    name: 'provision',
    question:
      'How fast is a new tenant made? Tenants per second against one connection that sends the same statements as psql would.',
    ratios: [
      ratioOf(`${few} tenants, one by one`, 0.7, rates['one by one'], rates.psql),
      ratioOf(`${many} tenants at once`, 0.7, rates['at once'], rates.psql),
    ],
    figures: { postgres: database.version, rounds: options.rounds, ...figures },
  };
}

/** Tenants per second; signing them up is not counted. */
async function rate(
  ids: readonly string[],
  { admin }: BenchDatabase,
  make: (ids: readonly string[]) => Promise<void>,
): Promise<number> {
  await admin.query('insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id', [ids]);
  const start = performance.now();
  await make(ids);
  return (ids.length / (performance.now() - start)) * 1000;
}

async function asPsqlWould(psql: pg.Client, ids: readonly string[], statements: StatementsOf): Promise<void> {
  for (const id of ids) {
    for (const text of ['begin', ...statements(id), 'commit']) await psql.query(text);
  }
}
