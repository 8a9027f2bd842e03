import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { TenancyProcess } from '../../../../../test/support/tenancy-process.js';
import { archiveTenant } from '../../../src/lifecycle/tenants/archive-tenant.js';
import { eraseTenant } from '../../../src/lifecycle/tenants/erase-tenant.js';
import { moveTenant } from '../../../src/lifecycle/tenants/move-tenant.js';
import { restoreTenant } from '../../../src/lifecycle/tenants/restore-tenant.js';
import { Widget } from '../../../../../test/support/widgets.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ ownerConnections: 4 });
});
afterAll(() => shop.close());

type Command = 'archive' | 'restore' | 'rename' | 'erase';

const steps: Record<Command, readonly string[]> = {
  archive: archiveTenant.steps.map(({ name }) => name),
  restore: restoreTenant(async () => undefined).steps.map(({ name }) => name),
  rename: moveTenant.steps.map(({ name }) => name),
  erase: eraseTenant.steps.map(({ name }) => name),
};

/** Before each step, after its work and before the record of it, and after the record. */
const moments = (command: Command) => [
  { type: 'started' },
  ...steps[command].flatMap((step) => ['step', 'applied', 'completed'].map((type) => ({ type, step }))),
];

async function isServed(id: string): Promise<boolean> {
  return shop.tenancy.run(id, () => true).catch(() => false);
}

async function maySwitch(id: string): Promise<boolean> {
  const { rows } = await shop.database.admin.query<{ may: boolean }>(
    `select exists (select from pg_auth_members m join pg_roles r on r.oid = m.roleid join tenantry.service_login l on true
                     join pg_roles s on s.rolname = l.role_name and s.oid = m.member where r.rolname = $1) as may`,
    [`${id}_shop`],
  );
  return rows[0]?.may ?? false;
}

const widgetOf = (id: string) =>
  shop.tenancy.run(id, async () => (await shop.orm.em.find(Widget, {})).map(({ name }) => name));

const outcomes: Record<Command, (id: string, to: string) => Promise<void>> = {
  async archive(id) {
    expect(await shop.tenancy.tenants.show(id)).toMatchObject({ status: 'archived' });
    expect(await maySwitch(id)).toBe(false);
  },
  async restore(id) {
    expect(await shop.tenancy.tenants.show(id)).toMatchObject({ status: 'active' });
    expect(await widgetOf(id)).toEqual([id]);
  },
  async rename(id, to) {
    expect(await isServed(id)).toBe(false);
    expect(await widgetOf(to)).toEqual([id]);
    expect(await actualState(shop.database.admin, [id])).toEqual(nothing);
    expect(await actualState(shop.database.admin, [to])).toMatchObject({
      schemas: [`${to}_shop`],
      roles: [`${to}_shop`],
      recorded: [`${to}_shop`],
      ledger: [`${to}_shop:000001-widgets`],
    });
  },
  async erase(id) {
    await expect(shop.tenancy.tenants.show(id)).rejects.toMatchObject({ code: 'TENANCY_TENANT_UNKNOWN' });
    expect(await actualState(shop.database.admin, [id])).toEqual(nothing);
    const { rows } = await shop.database.admin.query(
      "select data from tenantry.event where type = 'tenant.erased' and tenant_id = $1",
      [id],
    );
    expect(rows).toMatchObject([{ data: { schemas: [`${id}_shop`], tables: 4 } }]);
  },
};

const call = (command: Command, id: string, to: string): Promise<unknown> => {
  const { tenants } = shop.tenancy;
  if (command === 'rename') return tenants.rename(id, { to });
  if (command === 'erase') return tenants.erase(id, { now: true });
  return tenants[command](id);
};

/** Of whom it is not known whether the killed process had ended its transaction. */
async function again(command: Command, id: string, to: string): Promise<void> {
  await vi.waitFor(
    () =>
      call(command, id, to).catch((error: { code?: string }) => {
        // The last step was recorded: the operation is over, and there is no tenant of that id any more.
        if (error.code === 'TENANCY_TENANT_UNKNOWN') return;
        throw error;
      }),
    { timeout: 20_000, interval: 50 },
  );
}

it.each(['archive', 'restore', 'rename', 'erase'] as const)(
  '%s: killed at any step, the same command ends as if nothing had happened',
  { timeout: 300_000 },
  async (command) => {
    const points = moments(command);
    const ids = freshIds(points.length);
    await shop.signUp(...ids);
    for (const id of ids) {
      await shop.tenancy.run(id, async () => {
        shop.orm.em.create(Widget, { name: id });
        await shop.orm.em.flush();
      });
      if (command === 'restore') await shop.tenancy.tenants.archive(id);
    }
    const todo = points.map((dieAt, index) => ({ dieAt, id: ids[index] ?? '' }));
    const work = async () => {
      for (let next = todo.pop(); next; next = todo.pop()) {
        const { dieAt, id } = next;
        const to = `${id}x`;
        const process = await TenancyProcess.launch();
        await process.tell({
          what: 'start',
          options: { url: shop.database.url, reconcile: { automatic: false }, listenUrl: false },
        });
        await expect(process.tell({ what: 'tenant', command, id, to, dieAt })).rejects.toThrow('The process ended.');
        await again(command, id, to);
        await outcomes[command](id, to);
        const { rows } = await shop.database.admin.query(
          'select status, done from tenantry.operation where tenant_id = $1 and kind = $2',
          [id, command],
        );
        expect({ dieAt, rows }).toEqual({ dieAt, rows: [{ status: 'done', done: steps[command] }] });
      }
    };
    await Promise.all([work(), work()]);
  },
);

it('tells whoever comes in between that something is unfinished', async () => {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  const process = await TenancyProcess.launch();
  await process.tell({ what: 'start', options: { url: shop.database.url, reconcile: { automatic: false } } });
  const dieAt = { type: 'completed', step: 'stop-serving' };
  await expect(process.tell({ what: 'tenant', command: 'archive', id, dieAt })).rejects.toThrow('The process ended.');
  const { tenants } = shop.tenancy;
  await vi.waitFor(async () => expect((await tenants.show(id)).operations).toMatchObject([{ status: 'interrupted' }]));
  await expect(tenants.erase(id, { now: true })).rejects.toMatchObject({ code: 'TENANCY_OPERATION_OPEN' });
  await expect(tenants.resume(id)).rejects.toMatchObject({ code: 'TENANCY_TENANT_STATUS' });
  await expect(tenants.erase(id)).rejects.toMatchObject({ code: 'TENANCY_OPERATION_OPEN' });
  expect(await tenants.archive(id)).toMatchObject({ status: 'archived' });
});
