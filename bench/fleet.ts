import { Migration } from '@mikro-orm/migrations';
import pg from 'pg';
import { type MigrationList, Tenancy } from 'tenantry';
import { type BenchDatabase, openBenchDatabase } from './database.ts';
import { peakOfRollout } from './fleet-memory.ts';
import { startupAgainstNothingToDo } from './fleet-nothing.ts';
import { againstPeer } from './fleet-peer.ts';
import { type BenchOptions, type BenchResult, median, type Ratio, ratioOf, rounded } from './result.ts';
import { parseServiceName } from '../packages/tenantry/dist/tenant/service-name.js';
import { provisioningOf } from './provisioning-of.ts';
import { tenantIds } from './tenants.ts';

const connections = 4;
const perTrip = 10;
const smallFleet = 100;
const first = [
  'create table users (id uuid primary key, name text not null)',
  'create index users_name on users (name)',
];

/** How long does a change of the whole fleet take? */
export async function fleet(options: BenchOptions): Promise<BenchResult> {
  const sizes = options.quick ? [200, 1000] : [1000, 10_000];
  const ratios: Ratio[] = [];
  const figures: Record<string, unknown> = { rounds: options.rounds };
  for (const size of sizes) {
    const database = await openBenchDatabase(`fleet_${size}`);
    try {
      figures['postgres'] = database.version;
      await makeFleet(database, size);
      const { mine, floor } = await addColumns(database, size, options);
      ratios.push({
        ...ratioOf(`add a column to ${size} tenants, time against the floor`, 1.5, mine, floor),
        better: 'at most',
      });
      figures[`${size} tenants`] = { ms: Math.round(median(mine)), floorMs: Math.round(median(floor)) };
      if (size === sizes[0]) {
        const peer = await againstPeer(database, tenantIds(size), shipped, options);
        ratios.push(peer.ratio);
        figures['against a peer'] = peer.figures;
      }
      if (size !== sizes.at(-1)) continue;
      const peaks = [await peakOfSmallFleet(options), await peakOfRollout(database, shipped(options.rounds + 2))];
      ratios.push(memory(size, peaks));
      figures['most memory of the runner, MB'] = peaks.map(rounded);
      const nothing = await startupAgainstNothingToDo(database, shipped(options.rounds + 2), options);
      ratios.push(nothing.ratio);
      figures['nothing to do'] = nothing.figures;
    } finally {
      await database.close();
    }
  }
  const thirty = await newTenant(options);
  ratios.push(thirty.ratio);
  figures['a new tenant with 30 migrations'] = thirty.figures;
  return {
    name: 'fleet',
    question: `How long does a change of the whole fleet take? Against ${connections} connections that send the same DDL and ledger rows, ${perTrip} tenants per round trip.`,
    ratios,
    figures,
  };
}

const migrationOf = (statements: readonly string[]) =>
  class extends Migration {
    override up(): void {
      for (const statement of statements) this.addSql(statement);
    }
  };

/** The first migration, and one more per round. */
function shipped(rounds: number): Record<string, readonly string[]> {
  const added = Array.from({ length: rounds }, (_, round) => [
    name(round),
    [`alter table users add column mine${round} int`],
  ]);
  return { '000001-users': first, ...(Object.fromEntries(added) as Record<string, readonly string[]>) };
}

const name = (round: number) => `${String(round + 2).padStart(6, '0')}-column`;

function asMigrations(statements: Record<string, readonly string[]>): MigrationList {
  return Object.fromEntries(Object.entries(statements).map(([key, texts]) => [key, migrationOf(texts)]));
}

function start({ url }: BenchDatabase, migrations: MigrationList): Promise<Tenancy> {
  return Tenancy.start({
    url,
    service: 'shop',
    migrations,
    listenUrl: false,
    ownerConnections: connections + 1,
    connections: connections + 6,
    reconcile: { automatic: false },
  });
}

async function makeFleet(database: BenchDatabase, size: number): Promise<void> {
  const tenancy = await start(database, asMigrations(shipped(0)));
  await database.admin.query('insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id', [
    tenantIds(size),
  ]);
  await tenancy.reconcile();
  await tenancy.stop();
  await database.admin.query('vacuum analyze');
}

async function peakOfSmallFleet({ rounds }: BenchOptions): Promise<number> {
  const database = await openBenchDatabase('fleet_small');
  try {
    await makeFleet(database, smallFleet);
    return await peakOfRollout(database, shipped(rounds + 2));
  } finally {
    await database.close();
  }
}

function memory(size: number, [small = Number.NaN, large = Number.NaN]: readonly number[]): Ratio {
  const value = rounded(large - small);
  return {
    name: `MB that the runner takes more at ${size} tenants than at ${smallFleet}`,
    value,
    target: 30,
    better: 'at most',
    rounds: [value],
  };
}

async function addColumns(
  database: BenchDatabase,
  size: number,
  options: BenchOptions,
): Promise<{ mine: number[]; floor: number[] }> {
  const [mine, floor]: [number[], number[]] = [[], []];
  for (let round = 0; round <= options.rounds; round++) {
    const runs = [() => asTenantry(database, size, round), () => asTheFloor(database, size, round)];
    const taken = [0, 0];
    for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) taken[which] = (await runs[which]?.()) ?? 0;
    const [one = 0, other = 0] = taken;
    options.log(
      `${size} tenants, ${round === 0 ? 'warm-up' : `round ${round}`}: ${one.toFixed(0)} ms, floor ${other.toFixed(0)} ms`,
    );
    if (round === 0) continue;
    mine.push(one);
    floor.push(other);
  }
  return { mine, floor };
}

async function asTenantry(database: BenchDatabase, size: number, round: number): Promise<number> {
  const tenancy = await start(database, asMigrations(shipped(round + 1)));
  const begun = performance.now();
  const { status, done } = await tenancy.fleet.migrate().outcome;
  const took = performance.now() - begun;
  await tenancy.stop();
  if (status !== 'done' || done !== size) throw new Error(`${done} of ${size} tenants were migrated: ${status}`);
  return took;
}

/** What a program would do that knows nothing of failures: one script per ten tenants. */
async function asTheFloor({ url }: BenchDatabase, size: number, round: number): Promise<number> {
  const clients = Array.from({ length: connections }, () => new pg.Client({ connectionString: url }));
  const scripts: string[] = [];
  const ids = tenantIds(size);
  for (let at = 0; at < size; at += perTrip) {
    const part = ids.slice(at, at + perTrip).map((id) => `${id}_shop`);
    const ddl = part.map((schema) => `alter table "${schema}".users add column floor${round} int`);
    const rows = part.map((schema) => `('${schema}', 'floor${round}', 'x')`);
    scripts.push(
      `begin; ${ddl.join('; ')}; insert into tenantry.ledger (schema_name, migration, checksum) values ${rows.join(', ')}; commit`,
    );
  }
  // A rollout connects too.
  const begun = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      await client.connect();
      for (let script = scripts.pop(); script !== undefined; script = scripts.pop()) await client.query(script);
    }),
  );
  const took = performance.now() - begun;
  await Promise.all(clients.map((client) => client.end()));
  return took;
}

async function newTenant(options: BenchOptions): Promise<{ ratio: Ratio; figures: unknown }> {
  const database = await openBenchDatabase('fleet_new');
  const migrations = asMigrations(shipped(29));
  const tenancy = await start(database, migrations);
  const statements = await provisioningOf(parseServiceName('shop'), migrations, database);
  const psql = new pg.Client({ connectionString: database.url });
  await psql.connect();
  const [mine, floor]: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round <= options.rounds * 4; round++) {
      const id = `n${String(round).padStart(4, '0')}`;
      await database.admin.query('insert into tenantry.tenant (id, name) values ($1, $1)', [id]);
      let begun = performance.now();
      await tenancy.run(id, () => undefined);
      const one = performance.now() - begun;
      const floorId = `f${id}`;
      await database.admin.query('insert into tenantry.tenant (id, name) values ($1, $1)', [floorId]);
      const script = ['begin', ...statements(floorId), 'commit'].join('; ');
      begun = performance.now();
      await psql.query(script);
      if (round === 0) continue;
      mine.push(one);
      floor.push(performance.now() - begun);
    }
  } finally {
    await psql.end();
    await tenancy.stop();
    await database.close();
  }
  const ratio = ratioOf('a new tenant with 30 migrations, time against one script', 1.5, mine, floor);
  return {
    ratio: { ...ratio, better: 'at most' },
    figures: { ms: rounded(median(mine)), floorMs: rounded(median(floor)) },
  };
}
