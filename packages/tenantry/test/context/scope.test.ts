import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
});
afterAll(() => shop.close());

const current = () => {
  const scope = shop.tenancy.current();
  return scope?.kind === 'tenant' ? scope.tenant.id : scope?.kind;
};

describe('a scope', () => {
  it('is there inside its block, and gone after it', async () => {
    const { tenancy } = shop;
    expect(current()).toBeUndefined();
    expect(await tenancy.run('acme', current)).toBe('acme');
    expect(await tenancy.runInCatalog(current)).toBe('catalog');
    expect(current()).toBeUndefined();
  });

  it('is back after a nested one, and after one that threw', async () => {
    const { tenancy } = shop;
    const seen: unknown[] = [];
    await tenancy.run('acme', async () => {
      await tenancy.run('globex', () => seen.push(current()));
      seen.push(current());
      await tenancy.runInCatalog(() => seen.push(current()));
      seen.push(current());
      const failing = tenancy.run('globex', () => {
        seen.push(current());
        throw new Error('inside');
      });
      await expect(failing).rejects.toThrow('inside');
      seen.push(current());
      await expect(tenancy.run('nobody', () => seen.push('ran'))).rejects.toMatchObject({
        code: 'TENANCY_TENANT_UNKNOWN',
      });
      seen.push(current());
    });
    expect(seen).toEqual(['globex', 'acme', 'catalog', 'acme', 'globex', 'acme', 'acme']);
    expect(current()).toBeUndefined();
  });

  it('stays where it is when a tenant is created and first used inside it', async () => {
    const { tenancy, orm } = shop;
    await tenancy.run('acme', async () => {
      await tenancy.catalog.create({ id: 'initech', name: 'Initech' });
      expect(current()).toBe('acme');
      await tenancy.run('initech', async () => {
        orm.em.create(Widget, { name: 'stapler' });
        await orm.em.flush();
      });
      expect(current()).toBe('acme');
      expect(await orm.em.find(Widget, {})).toEqual([]);
    });
    expect(await tenancy.run('initech', () => orm.em.count(Widget))).toBe(1);
  });

  it('gives the answer of its block, and a rejection for every way to fail', async () => {
    const { tenancy } = shop;
    expect(await tenancy.run('acme', () => 7)).toBe(7);
    await expect(
      tenancy.run('acme', () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    await expect(tenancy.run('No tenant', current)).rejects.toMatchObject({ code: 'TENANCY_TENANT_ID_INVALID' });
    await expect(tenancy.run('nobody', current)).rejects.toMatchObject({ code: 'TENANCY_TENANT_UNKNOWN' });
  });

  it('begins with an EntityManager of its own, also inside another scope of the same tenant', async () => {
    const { tenancy, orm } = shop;
    await tenancy.run('acme', async () => {
      orm.em.create(Widget, { name: 'never flushed' });
      await tenancy.run('acme', async () => {
        await orm.em.flush();
        expect(await orm.em.count(Widget)).toBe(0);
      });
    });
  });
});

describe('outside any scope', () => {
  it('there is no tenant to require, and no EntityManager to use', async () => {
    const { tenancy, orm } = shop;
    expect(() => tenancy.require()).toThrow(expect.objectContaining({ code: 'TENANCY_SCOPE_MISSING' }));
    await expect(orm.em.find(Widget, {})).rejects.toMatchObject({
      code: 'TENANCY_SCOPE_MISSING',
      operatorMessage: expect.stringMatching(/tenancy\.run\(tenantId, fn\)/),
    });
    await expect(orm.em.fork().find(Widget, {})).rejects.toMatchObject({ code: 'TENANCY_SCOPE_MISSING' });
  });

  it('the catalog has no tenant either', async () => {
    const { tenancy, orm } = shop;
    await tenancy.runInCatalog(async () => {
      expect(() => tenancy.require()).toThrow(expect.objectContaining({ code: 'TENANCY_SCOPE_NOT_TENANT' }));
      await expect(orm.em.find(Widget, {})).rejects.toMatchObject({ code: 'TENANCY_SCOPE_NOT_TENANT' });
    });
  });
});
