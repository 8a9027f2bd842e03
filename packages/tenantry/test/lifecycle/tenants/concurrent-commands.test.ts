import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { widgetMigrations } from '../../../../../test/support/widgets.js';
import { Tenancy } from '../../../src/tenancy.js';
import type { Tenants } from '../../../src/lifecycle/tenants/tenants.js';

let shop: Shop;
let other: Tenancy;
beforeAll(async () => {
  shop = await openShop({ ownerConnections: 6, connections: 12 });
  other = await Tenancy.start({
    url: shop.database.url,
    service: 'shop',
    migrations: widgetMigrations,
    ownerConnections: 6,
    connections: 12,
    reconcile: { automatic: false },
  });
});
afterAll(async () => {
  await other.stop();
  await shop.close();
});

type Outcome = 'done' | (string & {});
const outcomeOf = (call: Promise<unknown>): Promise<Outcome> =>
  call.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );
const told = /^TENANCY_(?:TENANT_BUSY|OPERATION_OPEN|TENANT_STATUS|TENANT_UNKNOWN|TENANT_EXISTS)$/;

const commands: Record<string, (tenants: Tenants, id: string) => Promise<unknown>> = {
  suspend: (tenants, id) => tenants.suspend(id),
  archive: (tenants, id) => tenants.archive(id),
  rename: (tenants, id) => tenants.rename(id, { to: `${id}x` }),
  erase: (tenants, id) => tenants.erase(id, { now: true }),
};
const pairs = Object.keys(commands).flatMap((one) => Object.keys(commands).map((two) => [one, two] as const));

it.each(pairs)('%s and %s at the same time: each is done whole, or told why not', async (one, two) => {
  const ids = freshIds(6);
  await shop.signUp(...ids);
  for (const id of ids) {
    const outcomes = await Promise.all([
      outcomeOf(commands[one]?.(shop.tenancy.tenants, id) ?? Promise.resolve()),
      outcomeOf(commands[two]?.(other.tenants, id) ?? Promise.resolve()),
    ]);
    expect(outcomes).toContain('done');
    for (const outcome of outcomes) if (outcome !== 'done') expect(outcome).toMatch(told);
    const { rows } = await shop.database.admin.query<{ status: string }>(
      'select status from tenantry.operation where tenant_id = any($1)',
      [[id, `${id}x`]],
    );
    // `suspend` is one statement, and no operation; of the others at least one was recorded.
    const least = [one, two].some((command, at) => command !== 'suspend' && outcomes[at] === 'done') ? 1 : 0;
    expect(rows.length).toBeGreaterThanOrEqual(least);
    expect(rows).toEqual(rows.map(() => ({ status: 'done' })));
  }
});

it('erases a tenant that somebody is provisioning at the moment, and leaves nothing', async () => {
  const ids = freshIds(10);
  for (const id of ids) await shop.tenancy.catalog.create({ id, name: id });
  const provisioning = other.reconcile();
  for (const id of ids)
    expect(await shop.tenancy.tenants.erase(id, { now: true })).toMatchObject({ outcome: 'erased' });
  expect((await provisioning).failures).toEqual([]);
  const { rows } = await shop.database.admin.query(
    'select nspname from pg_namespace where nspname = any($1) union all select rolname from pg_roles where rolname = any($1)',
    [ids.map((id) => `${id}_shop`)],
  );
  expect(rows).toEqual([]);
});
