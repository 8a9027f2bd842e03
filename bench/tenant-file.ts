import { rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Migration } from '@mikro-orm/migrations';
import { Tenancy } from 'tenantry';
import { type BenchDatabase, openBenchDatabase } from './database.ts';
import { type BenchOptions, type BenchResult, median, type Ratio, ratioOf } from './result.ts';

const tables = 5;

class Tables extends Migration {
  override up(): void {
    for (let table = 0; table < tables; table++) {
      this.addSql(
        `create table line_${table} (id bigint primary key, parent bigint ${table > 0 ? 'references line_0' : ''}, at timestamptz not null, price numeric, body text)`,
      );
      this.addSql(`create index on line_${table} (at)`);
    }
  }
}

/** How long does it take to copy a whole tenant? */
export async function tenantFile(options: BenchOptions): Promise<BenchResult> {
  const rows = options.quick ? 20_000 : 200_000;
  const database = await openBenchDatabase('tenant_file');
  const file = path.join(tmpdir(), `tenantry-bench-${process.pid}`);
  const tenancy = await Tenancy.start({
    url: database.url,
    service: 'shop',
    migrations: { '000001-tables': Tables },
    reconcile: { automatic: false },
  });
  const times = { floor: [] as number[], clone: [] as number[], export: [] as number[], import: [] as number[] };
  let bytes = 0;
  try {
    await tenancy.catalog.create({ id: 'original', name: 'original' });
    await tenancy.reconcile();
    await fill(database, rows / tables);
    for (let round = 0; round <= options.rounds; round++) {
      const each = {
        floor: await took(() => floor(database, tenancy, `floor${round}`)),
        clone: await took(() => tenancy.copies.clone('original', `clone${round}`)),
        export: await took(() => tenancy.copies.export('original', { to: file, force: true })),
        import: await took(() => tenancy.copies.import({ from: file, as: `import${round}` })),
      };
      options.log(
        `${round === 0 ? 'warm-up' : `round ${round}`}: ${Object.entries(each)
          .map(([name, ms]) => `${name} ${Math.round(ms)} ms`)
          .join(', ')}`,
      );
      bytes = (await stat(file)).size;
      await empty(database, [`floor${round}`, `clone${round}`, `import${round}`]);
      if (round === 0) continue;
      for (const name of Object.keys(times) as (keyof typeof times)[]) times[name].push(each[name]);
    }
  } finally {
    await tenancy.stop();
    await rm(file, { force: true });
    await database.close();
  }
  const both = times.export.map((ms, round) => ms + (times.import[round] ?? 0));
  const figures = Object.fromEntries(
    Object.entries(times).map(([name, each]) => [`${name}, ms`, Math.round(median(each))]),
  );
  return {
    name: 'tenant-file',
    question: `How long does it take to copy a tenant of ${rows} rows in ${tables} tables? Against a provisioned tenant that is filled with one insert … select per table.`,
    ratios: [
      atMost(ratioOf('clone, time against the floor', 2, times.clone, times.floor)),
      atMost(ratioOf('clone, time against export and import', 1, times.clone, both)),
      atMost(ratioOf('export and import, time against the floor', 0, both, times.floor)),
    ],
    figures: { postgres: database.version, rounds: options.rounds, ...figures, 'bytes of the file': bytes },
  };
}

const atMost = (ratio: Ratio): Ratio => ({ ...ratio, better: 'at most' });

async function took(fn: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await fn();
  return performance.now() - start;
}

async function fill({ admin }: BenchDatabase, rows: number): Promise<void> {
  for (let table = 0; table < tables; table++) {
    await admin.query(
      `insert into original_shop.line_${table}
       select i, case when ${table} > 0 then i end, '2026-01-01'::timestamptz + i * interval '1 minute', i / 7.0, md5(i::text) || md5((-i)::text) || md5((i * 3)::text)
         from generate_series(1, $1) i`,
      [rows],
    );
  }
  await admin.query('vacuum analyze');
}

/** What cannot be spared: the tenant, and its rows with all keys in force. */
async function floor({ admin }: BenchDatabase, tenancy: Tenancy, id: string): Promise<void> {
  await tenancy.catalog.create({ id, name: id });
  await tenancy.run(id, () => undefined);
  await admin.query('begin');
  for (let table = 0; table < tables; table++)
    await admin.query(`insert into ${id}_shop.line_${table} select * from original_shop.line_${table}`);
  await admin.query('commit');
}

/** Every round has the same rows on disk. */
async function empty({ admin }: BenchDatabase, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const names = Array.from({ length: tables }, (_, table) => `${id}_shop.line_${table}`);
    await admin.query(`truncate ${names.join(', ')}`);
  }
  await admin.query('checkpoint');
}
