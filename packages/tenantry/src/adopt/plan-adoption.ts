import type pg from 'pg';
import { one } from '../postgres/one.js';
import { inTransaction } from '../postgres/transaction.js';
import type { AdoptConfig, ResolvedAdoptConfig } from './adopt-config.js';
import { resolveAdoptConfig } from './adopt-config.js';
import type { AdoptionPlan, FoundTenant } from './adoption-plan.js';
import { decideLayout } from './decide-layout.js';
import { type AdoptionGround, type AdoptionProblem } from './adoption-ground.js';
import { decidePlan, decideReading, type SurveyedTable } from './decide-plan.js';
import { decideTenants } from './decide-tenants.js';
import { decideKeyChecks } from './key-checks.js';
import type { Layout } from './layout.js';
import { type AdoptingService, readGround } from './read-ground.js';
import { open } from './session.js';
import { countCrossing, countDuplicates, countRows, readTenantRows, sampleSpeed } from './survey.js';
import { decideUniqueChanges } from './unique-changes.js';

/** A plan, and what an adoption needs of it. */
export interface PlannedAdoption {
  readonly plan: AdoptionPlan;
  readonly config: ResolvedAdoptConfig;
  readonly layout: Layout;
  readonly tenants: readonly FoundTenant[];
}

/**
 * Looks at the shared tables and says what an adoption would do, and what stands against it. Changes nothing; each table is
 * read once, and once per foreign key within it.
 *
 * @param client - A connection of the owner role, which must be allowed to read the shared tables.
 * @throws TenancyError `TENANCY_OPTION_INVALID`, `TENANCY_ADOPTION_UNFIT`.
 */
export async function planAdoption(
  client: pg.ClientBase,
  asked: AdoptConfig,
  service: AdoptingService,
): Promise<PlannedAdoption> {
  const config = resolveAdoptConfig(asked);
  const ground = await readGround(client, config, service);
  const { layout, problems } = decideLayout(config, ground);
  const seeded = seededTables(layout, service).map((table) => ({
    problem: 'seeded',
    table,
    words:
      'A migration puts rows into the tenant table, where they would collide with the shared ones. Take them out of the migration.',
  }));
  const known = [...problems, ...seeded];
  if (
    layout.parts.length < config.tables.length ||
    !ground.tenants ||
    known.some(({ problem }) => problem === 'no-column')
  )
    return { config, layout, tenants: [], plan: decidePlan(layout, { ground, problems: known }) };
  const look = () => survey(client, layout, ground, known);
  const surveyed = await inTransaction(client, open('repeatable read'), look, 'rollback');
  return { config, ...surveyed };
}

async function survey(
  client: pg.ClientBase,
  layout: Layout,
  ground: AdoptionGround,
  problems: readonly AdoptionProblem[],
): Promise<{ plan: AdoptionPlan; layout: Layout; tenants: readonly FoundTenant[] }> {
  const more: AdoptionProblem[] = [];
  const checks = decideKeyChecks(layout, ground, (problem, table, words) => void more.push({ problem, table, words }));
  const rows = await readTenantRows(client, layout);
  const found = decideTenants(rows, layout.tenants.idPrefix);
  const tables: SurveyedTable[] = [];
  for (const part of layout.parts) {
    const source = ground.source.find(({ name }) => name === part.table);
    const target = ground.target.find(({ name }) => name === part.as);
    const mustHave = part.columns
      .filter(({ to }) => target?.columns.some(({ name, notNull }) => name === to && notNull))
      .map(({ from }) => from)
      .filter((from) => source?.columns.some(({ name, notNull }) => name === from && !notNull));
    tables.push({ part, counted: await countRows(client, layout, part, mustHave) });
  }
  const crossing = [];
  for (const check of checks) crossing.push(await countCrossing(client, layout, check));
  const uniques = [];
  for (const change of decideUniqueChanges(layout, ground)) {
    const duplicates = change.change === 'new' ? await countDuplicates(client, layout, change) : 0;
    uniques.push({ ...change, duplicates });
  }
  const [largest] = ground.source.toSorted((a, b) => b.bytes - a.bytes);
  const sample = layout.parts.find(({ table }) => table === largest?.name);
  const rowsPerSecond = sample ? await sampleSpeed(client, sample) : 0;
  const { rows: cache } = await client.query<{ bytes: number }>(
    "select pg_size_bytes(current_setting('effective_cache_size'))::float8 as bytes",
  );
  const decided = {
    ...layout,
    read: decideReading(layout, ground, one(cache, "select current_setting('effective_cache_size')").bytes),
  };
  const plan = decidePlan(decided, {
    ground,
    problems: [...problems, ...more],
    surveyed: {
      ...found,
      known: rows.filter(({ status }) => status !== null).length,
      tables,
      crossing: crossing.filter((key) => key.rows > 0),
      uniques,
      rowsPerSecond,
    },
  });
  return { plan, layout: decided, tenants: found.tenants };
}

/** Adopted tables into which a migration inserts by their bare name. Pure. */
function seededTables({ parts }: Layout, { migrations }: AdoptingService): string[] {
  const into = new Set(
    migrations.flatMap(({ statements }) =>
      statements
        .map((text) => /^\s*insert\s+into\s+(?:"((?:[^"]|"")+)"|(\w+))(?!\s*\.)/i.exec(text))
        .map((match) => match?.[1]?.replaceAll('""', '"') ?? match?.[2]?.toLowerCase()),
    ),
  );
  return parts.filter(({ as }) => into.has(as)).map(({ table }) => table);
}
