import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CatalogReader } from '../../src/drift/catalog-reader.js';
import { detectDrift } from '../../src/drift/detect-drift.js';
import { fingerprintsSql, objectsSql } from '../../src/drift/objects-sql.js';
import { type Garden, openGarden } from './garden.js';

let garden: Garden;
beforeAll(async () => {
  garden = await openGarden();
});
afterAll(() => garden.close());

it.each([
  ['fingerprints', fingerprintsSql],
  ['objects', objectsSql],
])('reads the %s of schemas by index lookups only, and never through information_schema (F41)', async (_, sql) => {
  const tenants = [await garden.signUp(), await garden.signUp()];
  const schemas = tenants.map((tenant) => `${tenant}_garden`);
  const reader = new CatalogReader(garden.database.admin, { statementTimeoutMs: 60_000, lockTimeoutMs: 1000 });
  const plan = await reader.read(async (client) => {
    const values = [schemas, schemas, schemas, schemas.map(() => true), schemas.map(() => '["public"]')];
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (costs off) ${sql}`, values);
    return rows.map((row) => row['QUERY PLAN']);
  });
  expect(sql).not.toContain('information_schema');
  expect(plan.filter((line) => /Seq Scan|Hash Join|Merge Join/.test(line))).toEqual([]);
  // An index scan without a condition reads the whole catalog.
  const unconditional = plan.filter(
    (line, at) => /Index (?:Only )?Scan/.test(line) && !/Index Cond/.test(plan[at + 1] ?? ''),
  );
  expect(unconditional).toEqual([]);
});

it('asks the same queries for one tenant and for many', async () => {
  const one = await queriesOfOneLook();
  // Otherwise the count saw nothing.
  expect(one).toBeGreaterThan(0);
  for (let made = 0; made < 20; made++) await garden.signUp();
  expect(await queriesOfOneLook()).toEqual(one);
});

async function queriesOfOneLook(): Promise<number> {
  const pool = new pg.Pool({ connectionString: garden.database.url, max: 1 });
  let queries = 0;
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    Object.assign(client, { query: (...args: unknown[]) => (queries++, query(...args)) });
  });
  const { clean } = await detectDrift(pool);
  await pool.end();
  expect(clean).toBe(true);
  return queries;
}
