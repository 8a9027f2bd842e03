import { afterEach, beforeEach, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshIds } from '../../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { giveCatalog } from '../../../../../test/support/give-catalog.js';
import { Logins } from '../../../../../test/support/logins.js';
import { migrationOf } from '../../../../../test/support/migration-of.js';
import { TenancyProcess } from '../../../../../test/support/tenancy-process.js';
import { until } from '../../../../../test/support/until.js';
import type { MigrationList } from '../../../src/migrations/tenant-migration.js';
import type { TenancyOptions } from '../../../src/options.js';
import { Tenancy } from '../../../src/tenancy.js';

/** A table with so many columns, each of its own migration. */
function migrations(columns: number): MigrationList {
  const more = Array.from(
    { length: columns },
    (_, n) => [`0001${n}`, migrationOf(`alter table item add column c${n} int default ${n}`)] as const,
  );
  return {
    '000001-item': migrationOf('create table item (id int primary key)', 'insert into item values (1)'),
    ...Object.fromEntries(more),
  };
}

let database: TestDatabase;
let running: Tenancy[];
let lines: string[];
beforeEach(async () => {
  database = await createTestDatabase();
  [running, lines] = [[], []];
});
afterEach(async () => {
  for (const tenancy of running) await tenancy.stop();
  await database.drop();
});

async function start(list: MigrationList, options: Partial<TenancyOptions> = {}): Promise<Tenancy> {
  const push = (line: string) => void lines.push(line);
  const tenancy = await Tenancy.start({
    url: database.url,
    service: 'shop',
    migrations: list,
    reconcile: { automatic: false },
    logger: { log: push, warn: push },
    ...options,
  });
  running.push(tenancy);
  return tenancy;
}

async function signUp(tenancy: Tenancy, count: number): Promise<string[]> {
  const ids = freshIds(count);
  for (const id of ids) await tenancy.catalog.create({ id, name: id });
  expect(await tenancy.reconcile()).toMatchObject({ provisioned: count, failures: [] });
  return ids;
}

const kept = async () =>
  (
    await database.admin.query<{ statements: string[] | null; reason: string | null; head: string }>(
      'select statements, reason, head from tenantry.snapshot',
    )
  ).rows;
const rows = async (id: string) => (await database.admin.query<object>(`select * from "${id}_shop".item`)).rows;
const ledger = async (id: string) =>
  (
    await database.admin.query('select migration, checksum from tenantry.ledger where schema_name = $1 order by 1', [
      `${id}_shop`,
    ])
  ).rows;

it('makes new tenants from the template, with the whole ledger, and drift finds them clean', async () => {
  const tenancy = await start(migrations(40));
  const [one = ''] = await signUp(tenancy, 1);
  expect(await kept()).toEqual([]);
  const many = await signUp(tenancy, 20);
  const [template] = await kept();
  expect(template).toMatchObject({ reason: null, head: '000139' });
  expect(template?.statements?.length).toBeLessThan(5);
  expect(lines.at(-1)).toMatch(/^New tenants of shop are made from a template of \d statements\.$/);
  // That it is used: what only a wrong one would make.
  await database.admin.query(
    "update tenantry.snapshot set statements = statements || array['create table from_template ()']",
  );
  const again = await start(migrations(40));
  const [marked = ''] = await signUp(again, 1);
  const { rows: found } = await database.admin.query('select to_regclass($1) is not null as there', [
    `"${marked}_shop".from_template`,
  ]);
  expect(found).toEqual([{ there: true }]);
  expect(await ledger(many[0] ?? '')).toEqual(await ledger(one));
  expect(await rows(many[0] ?? '')).toEqual(await rows(one));
  expect(await tenancy.fleet.drift()).toMatchObject({ checked: 22, drifted: [{ tenant: marked }] });
});

it.each(['role', 'schema'] as const)(
  'is made and used where the owner is no superuser (isolation: %s)',
  async (isolation) => {
    const logins = new Logins(database);
    const [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
    await giveCatalog(database, owner.role);
    const options = { ownerUrl: owner.url, url: service.url, isolation };
    const tenancy = await start(migrations(40), options);
    const [id = ''] = await signUp(tenancy, 20);
    expect((await kept())[0]?.reason).toBeNull();
    expect(await rows(id)).toHaveLength(1);
    expect(await tenancy.fleet.drift()).toMatchObject({ checked: 20, clean: true });
    await tenancy.run(id, () => undefined);
    await tenancy.stop();
    await logins.dropWithDatabase();
    database = await createTestDatabase();
  },
);

it('is not used once there are more migrations: a new one is built for the new head', async () => {
  await signUp(await start(migrations(40)), 20);
  const before = await kept();
  const newer = await start(migrations(41));
  const [single = ''] = await signUp(newer, 1);
  expect(Object.keys((await rows(single))[0] ?? {})).toHaveLength(42);
  expect(await kept()).toEqual(before);
  await signUp(newer, 20);
  expect((await kept())[0]?.head).toBe('000140');
});

it('is not built where it could not be faster', async () => {
  await signUp(await start(migrations(3)), 20);
  expect(await kept()).toEqual([]);
  const tables = Array.from({ length: 40 }, (_, n) => `create table t${n} (id int)`);
  await signUp(await start({ ...migrations(3), '000020-tables': migrationOf(...tables) }), 20);
  expect(await kept()).toMatchObject([
    { statements: null, reason: expect.stringContaining('would not be faster') as string },
  ]);
});

it('remembers a build that failed, and says so once', async () => {
  const list = {
    ...migrations(40),
    '000200-day': migrationOf('insert into item values (extract(doy from current_date))'),
  };
  await signUp(await start(list), 20);
  const again = await start(list);
  await signUp(again, 20);
  expect(lines.filter((line) => line.includes('by replaying its migrations, because'))).toHaveLength(1);
  expect(await kept()).toMatchObject([{ statements: null }]);
});

it('replays when the template fails, because something outside the schema has changed', async () => {
  const tenancy = await start(migrations(40));
  await signUp(tenancy, 20);
  await database.admin.query(
    "update tenantry.snapshot set statements = statements || array['create table x (a geo.gone)']",
  );
  const again = await start(migrations(40));
  const [id = ''] = await signUp(again, 1);
  expect(await rows(id)).toHaveLength(1);
  expect(lines.at(-1)).toMatch(/^The template of shop failed, so its migrations were replayed: .*geo/);
});

it('waits for a lock as long as a replay does, and does not blame the template', async () => {
  await database.admin.query(
    'create schema geo; grant usage on schema geo to public; create table geo.country (id int primary key)',
  );
  const list = {
    ...migrations(40),
    '000200-key': migrationOf('create table home (country int references geo.country)'),
  };
  const options = { sharedSchemas: ['geo'], lockTimeoutMs: 300 };
  const tenancy = await start(list, options);
  await signUp(tenancy, 20);
  expect((await kept())[0]?.reason).toBeNull();
  const [id = ''] = freshIds(1);
  await tenancy.catalog.create({ id, name: id });
  const busy = await database.admin.connect();
  await busy.query('begin; lock table geo.country in access exclusive mode');
  expect(await tenancy.reconcile()).toMatchObject({ provisioned: 0, failed: 1 });
  await busy.query('rollback');
  busy.release();
  expect(lines.join()).not.toContain('The template of shop failed');
  expect(await tenancy.reconcile()).toMatchObject({ provisioned: 1 });
});

it('is built beside the start of a process that reconciles by itself, once for many processes', async () => {
  const processes = await Promise.all([1, 2, 3].map(() => start(migrations(40), { reconcile: { automatic: true } })));
  await until('the template is there', async () => (await kept()).length === 1);
  await Promise.all(processes.map((each) => each.stop()));
  expect((await kept())[0]?.reason).toBeNull();
  expect(lines.join('\n')).not.toContain('No template');
});

it('leaves nothing when the process is killed while it builds', async () => {
  const options = { url: `${database.url}?application_name=doomed`, connections: 10 };
  for (let kills = 0; kills < 6; kills++) {
    const doomed = await TenancyProcess.launch();
    const started = doomed.tell({ what: 'start', options, columns: 60 }).catch(() => undefined);
    await until('it builds', async () => {
      const { rows: seen } = await database.admin.query(
        `select 1 from pg_stat_activity where application_name = 'doomed' and datname = current_database() and state <> 'idle' and (query like '%tenantry-template%' or query like '%tenantry_template%' or query like 'alter table widget%')
         union all select 1 from tenantry.snapshot`,
      );
      return seen.length > 0;
    });
    await sleep(Math.random() * 30);
    await doomed.kill();
    await started;
    await until('it is gone', async () => {
      const { rows: left } = await database.admin.query(
        "select 1 from pg_stat_activity where application_name = 'doomed' and datname = current_database()",
      );
      return left.length === 0;
    });
    const { rows: scratch } = await database.admin.query(
      "select nspname as name from pg_namespace where nspname like 'tenantry-%' union all select rolname from pg_roles where rolname like 'tenantry-template%'",
    );
    expect(scratch).toEqual([]);
    if (kills % 2 === 0) await database.admin.query('delete from tenantry.snapshot');
  }
  const whole = await TenancyProcess.launch();
  await whole.tell({ what: 'start', options: { url: database.url }, columns: 60 });
  await until('the template is there', async () => (await kept()).length === 1);
  await whole.stop();
  expect((await kept())[0]?.reason).toBeNull();
});
