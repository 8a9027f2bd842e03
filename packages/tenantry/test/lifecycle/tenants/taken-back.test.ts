import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../../test/support/migration-of.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Operations } from '../../../src/lifecycle/operations/operations.js';
import type { OperationDefinition } from '../../../src/lifecycle/operations/operation-step.js';
import { archiveTenant } from '../../../src/lifecycle/tenants/archive-tenant.js';
import { type BringToHead, restoreTenant } from '../../../src/lifecycle/tenants/restore-tenant.js';
import { readService } from '../../../src/migrations/read-service.js';
import { Provisioner } from '../../../src/provision/provisioner.js';
import { Tenancy } from '../../../src/tenancy.js';

let shop: Shop;
let owner: pg.Pool;
let operations: Operations;
let bringToHead: BringToHead;
beforeAll(async () => {
  shop = await openShop({ ownerConnections: 4 });
  owner = new pg.Pool({ connectionString: shop.database.url, max: 4, pipeline: true });
  const limits = { lockTimeoutMs: 5000, statementTimeoutMs: 60_000 };
  operations = new Operations(owner, limits);
  const serverVersion = Number((await sql<{ v: string }>("select current_setting('server_version_num') as v"))[0]?.v);
  const provisioner = new Provisioner(owner, {
    ...limits,
    isolation: 'role',
    serverVersion,
    transactionPooler: false,
    classes: new Map(),
  });
  bringToHead = async (tenant, service) =>
    void (await provisioner.provision(tenant, service, await readService(owner, service)));
});
afterAll(async () => {
  await owner.end();
  await shop.close();
});

async function sql<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
  return (await shop.database.admin.query<T>(text, values)).rows;
}

/** What the catalog says of a tenant, and whether the login that serves may switch to its role. */
async function stateOf(id: string): Promise<object | undefined> {
  const [state] = await sql<{ status: string; eraseAfter: string | null; recorded: string; usable: boolean }>(
    `select t.status, t.erase_after::text as "eraseAfter", x.service_role <> '' as recorded,
            exists (select from pg_auth_members m join tenantry.service_login l on m.member = l.role_name::regrole
                     where m.roleid = quote_ident(x.schema_name)::regrole) as usable
       from tenantry.tenant t join tenantry.tenant_schema x on x.tenant_id = t.id and x.service = 'shop' where t.id = $1`,
    [id],
  );
  return state;
}

const closed = { recorded: false, usable: false };
const served = { recorded: true, usable: true };

/** How a tenant comes to where an operation begins, and where it is when that operation was taken back. */
const beginnings = {
  'an archive of an active tenant': {
    definition: () => archiveTenant,
    arrange: async () => undefined,
    state: { status: 'active', eraseAfter: null, ...served },
  },
  'an archive of a suspended tenant': {
    definition: () => archiveTenant,
    arrange: (id: string) => shop.tenancy.tenants.suspend(id),
    state: { status: 'suspended', eraseAfter: null, ...served },
  },
  'a restore of an archived tenant': {
    definition: () => restoreTenant(bringToHead),
    arrange: (id: string) => shop.tenancy.tenants.archive(id),
    state: { status: 'archived', eraseAfter: null, ...closed },
  },
  'a restore of a tenant that waits to be erased': {
    definition: () => restoreTenant(bringToHead),
    async arrange(id: string) {
      await shop.tenancy.tenants.archive(id);
      await shop.tenancy.tenants.erase(id, { graceDays: 7 });
    },
    state: { status: 'deleted', eraseAfter: expect.any(String) as string, ...closed },
  },
} as const;

/** The same operation, with a step that fails when its work is done. */
function failingAfter({ steps, ...definition }: OperationDefinition, name: string): OperationDefinition {
  const fails = steps.map((step): typeof step =>
    step.name === name
      ? {
          ...step,
          async apply(context) {
            await step.apply(context);
            throw new Error('no luck');
          },
        }
      : step,
  );
  return { ...definition, steps: fails };
}

const failures = Object.entries(beginnings).flatMap(([what, { definition }]) =>
  definition().steps.map(({ name }) => [what, name] as const),
);

it.each(failures)('%s that fails at the step "%s" leaves the tenant as it was', async (what, step) => {
  const { definition, arrange, state } = beginnings[what as keyof typeof beginnings];
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  await arrange(id);
  const before = await stateOf(id);
  expect(before).toEqual(state);
  await expect(operations.run(failingAfter(definition(), step), { tenant: id, params: {} })).rejects.toMatchObject({
    code: 'TENANCY_OPERATION_FAILED',
    message: expect.stringContaining(`at the step "${step}": no luck. Everything was taken back.`) as string,
  });
  expect(await stateOf(id)).toEqual(before);
});

it('still erases a tenant whose restoring failed, when its time has come', async () => {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  await shop.tenancy.tenants.erase(id, { graceDays: 0 });
  const failing = failingAfter(restoreTenant(bringToHead), 'bring-to-head');
  await expect(operations.run(failing, { tenant: id, params: {} })).rejects.toThrow('no luck');
  expect(await shop.tenancy.tenants.eraseDue()).toEqual([{ tenant: id, error: undefined }]);
  expect(await sql('select from tenantry.tenant where id = $1', [id])).toEqual([]);
});

it('closes a schema again that a restore had given back before it failed at the next one', async () => {
  const stock = await Tenancy.start({
    url: shop.database.url,
    service: 'stock',
    migrations: { '000001-shelf': migrationOf('create table shelf (id int)') },
    listenUrl: false,
    reconcile: { automatic: false },
  });
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  await stock.stop();
  await shop.tenancy.tenants.archive(id);
  const before = await stateOf(id);
  const brought: string[] = [];
  const failing = restoreTenant(async (tenant, service) => {
    if (service === 'stock') throw new Error('no luck');
    await bringToHead(tenant, service);
    brought.push(service);
    expect(await stateOf(id)).toMatchObject(served);
  });
  await expect(operations.run(failing, { tenant: id, params: {} })).rejects.toThrow('Everything was taken back.');
  expect(brought).toEqual(['shop']);
  expect(await stateOf(id)).toEqual(before);
  expect(before).toMatchObject(closed);
});
