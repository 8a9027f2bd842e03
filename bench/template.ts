import { Migration } from '@mikro-orm/migrations';
import pg from 'pg';
import { type MigrationList, Tenancy } from 'tenantry';
import { Provisioner } from '../packages/tenantry/dist/provision/provisioner.js';
import { TemplateKeeper } from '../packages/tenantry/dist/provision/template/template-keeper.js';
import { readService } from '../packages/tenantry/dist/migrations/read-service.js';
import { parseServiceName } from '../packages/tenantry/dist/tenant/service-name.js';
import { parseTenantId } from '../packages/tenantry/dist/tenant/tenant-id.js';
import { type BenchDatabase, openBenchDatabase } from './database.ts';
import { fleetMigrations } from './fleet-tables.ts';
import { type BenchOptions, type BenchResult, median, ratioOf } from './result.ts';
import { tenantIds } from './tenants.ts';

const service = parseServiceName('shop');

/** How fast is a new tenant made from a template, against a replay of all migrations? */
export async function template(options: BenchOptions): Promise<BenchResult> {
  const few = options.quick ? 20 : 100;
  const places = [await openPlace('template_long', longHistory()), await openPlace('template_short', fleetMigrations)];
  const rates = places.map(() => ({ replay: [] as number[], template: [] as number[] }));
  try {
    for (let round = 0; round <= options.rounds; round++) {
      for (const [index, place] of places.entries()) {
        const kinds = round % 2 === 0 ? (['replay', 'template'] as const) : (['template', 'replay'] as const);
        for (const kind of kinds) {
          const perSecond = await place.rate(kind, tenantIds(few, `${kind[0]}${round}x`));
          options.log(
            `${round === 0 ? 'warm-up' : `round ${round}`}: ${place.name}, ${kind}: ${perSecond.toFixed(1)}/s`,
          );
          if (round > 0) rates[index]?.[kind].push(perSecond);
        }
      }
    }
  } finally {
    for (const place of places) await place.close();
  }
  const [long, short] = rates;
  const perSecond = (each: readonly number[] = []) => Math.round(median(each) * 10) / 10;
  return {
    name: 'template',
    question:
      'How fast is a new tenant made, one by one, where a service has 100 migrations, against replaying them? And where it has one?',
    ratios: [
      ratioOf('100 migrations, template against replay', 2, long?.template ?? [], long?.replay ?? []),
      // Both do the same, so this says how steady the machine is.
      ratioOf('1 migration, where none is made, against replay', 0, short?.template ?? [], short?.replay ?? []),
    ],
    figures: {
      postgres: places[0]?.version,
      rounds: options.rounds,
      '100 migrations, replay, tenants per second': perSecond(long?.replay),
      '100 migrations, template, tenants per second': perSecond(long?.template),
      '1 migration, replay, tenants per second': perSecond(short?.replay),
      '1 migration, as decided, tenants per second': perSecond(short?.template),
      '100 migrations, statements of a replay': places[0]?.replayed,
      '100 migrations, statements of the template': places[0]?.statements,
      '1 migration, statements of the template': places[1]?.statements,
      'making and proving the template once, ms': places[0]?.buildMs,
    },
  };
}

interface Place {
  readonly name: string;
  readonly version: string;
  readonly replayed: number;
  /** `none` where it is not used. */
  readonly statements: number | 'none';
  readonly buildMs: number;
  rate(kind: 'replay' | 'template', ids: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

async function openPlace(name: string, migrations: MigrationList): Promise<Place> {
  const database: BenchDatabase = await openBenchDatabase(name);
  const tenancy = await Tenancy.start({ url: database.url, service, migrations, reconcile: { automatic: false } });
  await tenancy.stop();
  const owner = new pg.Pool({ connectionString: database.url, max: 2, pipeline: true });
  const shipped = await readService(owner, service);
  const { rows } = await owner.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const common = {
    isolation: 'role' as const,
    serverVersion: rows[0]?.version ?? 0,
    lockTimeoutMs: 5000,
    statementTimeoutMs: 600_000,
  };
  const keeper = new TemplateKeeper(owner, common);
  const started = performance.now();
  await keeper.build(service, shipped);
  const buildMs = Math.round(performance.now() - started);
  const defaults = { ...common, transactionPooler: false, classes: new Map() };
  const provisioners = {
    replay: new Provisioner(owner, defaults),
    template: new Provisioner(owner, defaults, keeper),
  };
  return {
    name,
    version: database.version,
    replayed: shipped.migrations.reduce((sum, { statements }) => sum + statements.length, 0),
    statements: (await keeper.find(service, shipped))?.length ?? 'none',
    buildMs,
    async rate(kind, ids) {
      await owner.query('insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id', [ids]);
      const start = performance.now();
      for (const id of ids) await provisioners[kind].provision(parseTenantId(id), service, shipped);
      return (ids.length / (performance.now() - start)) * 1000;
    },
    close: () => owner.end().then(() => database.close()),
  };
}

/** The six tables, and 99 migrations of the kinds that years bring: columns come, are renamed and go, indexes too, and rows. */
function longHistory(): MigrationList {
  const tables = ['customer', 'product', 'address', 'purchase', 'line', 'payment'];
  const more = Array.from({ length: 99 }, (_, n): [string, MigrationList[string]] => {
    const table = tables[n % tables.length] ?? 'customer';
    const kinds = [
      [`alter table ${table} add column c${n} int`, `alter table ${table} alter column c${n} set default ${n}`],
      [
        `alter table ${table} add column n${n} text not null default 'x'`,
        `create index ${table}_n${n} on ${table} (n${n})`,
      ],
      [`alter table ${table} add column old${n} text`, `alter table ${table} rename column old${n} to new${n}`],
      [`alter table ${table} add column gone${n} int`, `alter table ${table} drop column gone${n}`],
      [`create index ${table}_t${n} on ${table} (id desc)`, `drop index ${table}_t${n}`],
      [`alter table ${table} add constraint ${table}_k${n} check (id::text <> 'x${n}')`],
      [
        `create table note${n} (id int generated by default as identity primary key, body text)`,
        `insert into note${n} (body) values ('${n}')`,
        `drop table note${n}`,
      ],
    ];
    const statements = kinds[n % kinds.length] ?? [];
    const migration = class extends Migration {
      override up(): void {
        for (const statement of statements) this.addSql(statement);
      }
    };
    return [`${String(n + 2).padStart(6, '0')}-step`, migration];
  });
  return { ...fleetMigrations, ...Object.fromEntries(more) };
}
