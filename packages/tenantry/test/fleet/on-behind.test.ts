import { afterEach, beforeEach, expect, it } from 'vitest';
import { toProblem } from '../../src/http/to-problem.js';
import { translateError } from '../../src/postgres/translate-error.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

const second = { ...first, '000002-price': migrationOf('alter table item add column price int') };
const broken = { ...first, '000002-broken': migrationOf('alter table item add column name int') };

let shop: FleetShop;
beforeEach(async () => {
  shop = await openFleet(4);
});
afterEach(() => shop.close());

it('serves a tenant that is behind, by default', async () => {
  const tenancy = await shop.start(second);
  expect(await tenancy.run('t001', () => tenancy.require().tenant.id)).toBe('t001');
  expect(await shop.heads()).toEqual({ '000001-item': 4 });
});

it('brings a tenant to head at the first touch with `migrate`, once for many requests, and no neighbour', async () => {
  const tenancy = await shop.start(second, { onBehind: 'migrate' });
  const answers = await Promise.all(Array.from({ length: 20 }, () => tenancy.run('t001', () => 'served')));
  expect(answers.every((answer) => answer === 'served')).toBe(true);
  expect(await shop.heads()).toEqual({ '000001-item': 3, '000002-price': 1 });
  expect(await tenancy.run('t001', () => 'served')).toBe('served');
});

it('answers 503 with Retry-After for a tenant that is behind with `reject`, and serves the others', async () => {
  const tenancy = await shop.start(second, { onBehind: 'reject' });
  await tenancy.fleet.migrate({ selector: { tenants: ['t002'] } }).outcome;
  await expect(tenancy.run('t001', () => 'served')).rejects.toMatchObject({
    code: 'TENANCY_TENANT_BEHIND',
    status: 503,
    retryAfter: 1,
  });
  expect(await tenancy.run('t002', () => 'served')).toBe('served');
  await tenancy.fleet.migrate().outcome;
  // This process listens to nothing here: it asks again once its answer is too old.
  const fresh = await shop.start(second, { onBehind: 'reject' });
  expect(await fresh.run('t001', () => 'served')).toBe('served');
});

it('rejects with `migrate` too where the process may not run DDL', async () => {
  await shop.start(second);
  const [login] = await shop.sql<{ role_name: string; password: string }>('select * from tenantry.service_login');
  const url = new URL(shop.database.url);
  [url.username, url.password] = [login?.role_name ?? '', login?.password ?? ''];
  const web = await shop.start(second, { url: url.href, onBehind: 'migrate' });
  await expect(web.run('t001', () => 'served')).rejects.toMatchObject({ code: 'TENANCY_TENANT_BEHIND' });
});

it('tells the one request why its tenant cannot be brought to head', async () => {
  const tenancy = await shop.start(broken, { onBehind: 'migrate' });
  await expect(tenancy.run('t001', () => 'served')).rejects.toMatchObject({
    code: 'TENANCY_MIGRATION_FAILED',
    message: expect.stringContaining('already exists') as string,
  });
  expect(await shop.heads()).toEqual({ '000001-item': 4 });
});

it('keeps the rows that PostgreSQL names from whoever asked', async () => {
  await shop.sql("insert into t001_shop.item values (2, 'first')");
  const unique = { ...first, '000002-unique': migrationOf('create unique index item_name on item (name)') };
  const tenancy = await shop.start(unique, { onBehind: 'migrate' });
  const error: unknown = await Promise.resolve(tenancy.run('t001', () => 'served')).catch((reason: unknown) => reason);
  const answer = JSON.stringify(toProblem(error));
  expect(answer).toContain('TENANCY_MIGRATION_FAILED');
  expect(answer).not.toMatch(/first|item|Key/);
  // The operator finds them all the same.
  expect(translateError(error)?.operatorMessage).toMatch(/failed and was rolled back: could not create unique index/);
  expect(translateError(error)?.operatorMessage).not.toMatch(/failed.*failed/);
  expect((error as Error).cause).toMatchObject({ detail: 'Key (name)=(first) is duplicated.' });
});

it('says once that a tenant is newer than its code, and serves it', async () => {
  const next = await shop.start(second);
  await next.fleet.migrate().outcome;
  const warnings: string[] = [];
  const logger = { log: () => undefined, warn: (message: string) => warnings.push(message) };
  const old = await shop.start(first, { onBehind: 'reject', logger });
  for (const tenant of ['t001', 't002']) expect(await old.run(tenant, () => 'served')).toBe('served');
  expect(warnings.filter((message) => message.includes('newer than its code'))).toHaveLength(1);
});
