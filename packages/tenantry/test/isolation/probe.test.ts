import { type EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';
import { expectNoLeak, probe, type ProbeResult } from '../../src/testing/index.js';
import { actualState } from './support/actual-state.js';
import { stock, widgetNames } from './support/stock.js';
import { openUnguarded } from './support/unguarded.js';

const between = { as: 'acme', target: 'globex' };
const namesOf = (results: readonly ProbeResult[], outcome: string) =>
  results.filter((result) => result.outcome === outcome).map(({ name }) => name);
/** Plain MikroORM fails here instead of crossing; `orm/dataloader.test.ts` sees it cross. */
const withDataloader = 'load a many-to-many relation with a dataloader for both tenants at once';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
  await shop.database.admin.query('analyze');
});
afterAll(() => shop.close());

it('refuses every known way from one tenant to another, and out of every scope', async () => {
  const results = await probe(shop.tenancy, shop.orm.em, between);
  expect(results.filter(({ outcome }) => outcome === 'crossed')).toEqual([]);
  expect(namesOf(results, 'not-applicable')).toEqual([]);
});

it('names no attempt twice', async () => {
  const results = await probe(shop.tenancy, shop.orm.em, between);
  expect(new Set(results.map(({ name }) => name)).size).toBe(results.length);
});

it('changes nothing, also where every attempt gets across', async () => {
  const before = await actualState(shop.database.admin);
  await probe(shop.tenancy, shop.orm.em, between);
  await unguardedProbe();
  expect(await actualState(shop.database.admin)).toEqual(before);
});

it('says which tenant it cannot try with', async () => {
  await expect(probe(shop.tenancy, shop.orm.em, { as: 'acme', target: 'nobody' })).rejects.toThrow(
    'No tenant "nobody"',
  );
  await expect(probe(shop.tenancy, shop.orm.em, { as: 'acme', target: 'acme' })).rejects.toThrow(
    'two different tenants',
  );
});

describe('expectNoLeak', () => {
  const write = (em: EntityManager, tenant: string) => em.create(Widget, { name: `${tenant} extra` });

  it('passes where tenants are kept apart, in both directions', async () => {
    await expectNoLeak(shop.tenancy, shop.orm.em, { tenants: ['acme', 'globex'], write });
    expect(await widgetNames(shop, 'globex')).toEqual(['globex widget', 'globex extra']);
  });

  it('does not pass when nothing was written', async () => {
    const checking = expectNoLeak(shop.tenancy, shop.orm.em, { tenants: ['acme', 'globex'], write: () => undefined });
    await expect(checking).rejects.toThrow('nothing was proven');
  });

  describe('where an attempt cannot be made', () => {
    const tenants = ['acme', 'globex'] as const;
    let withoutEntities: MikroORM;
    let untried: string[];
    beforeAll(async () => {
      withoutEntities = await MikroORM.init(
        shop.tenancy.orm({ entities: [], discovery: { warnWhenNoEntities: false } }),
      );
      untried = namesOf(await probe(shop.tenancy, withoutEntities.em, between), 'not-applicable');
    });
    afterAll(() => withoutEntities.close());

    it('does not take it for one that was refused', async () => {
      expect(untried).toContain('em.find with the other schema');
      const checking = expectNoLeak(shop.tenancy, withoutEntities.em, { tenants });
      await expect(checking).rejects.toThrow(
        /ways could not be tried, .*:\n {2}outcome +attempt +detail\n {2}not-applicable +.* no entity has the schema/,
      );
      const [left, ...named] = untried;
      const allButOne = expectNoLeak(shop.tenancy, withoutEntities.em, { tenants, notApplicable: named });
      await expect(allButOne).rejects.toThrow(`not-applicable  ${left ?? ''}`);
    });

    it('passes once the caller has named it, and knows every name', async () => {
      await expectNoLeak(shop.tenancy, withoutEntities.em, { tenants, notApplicable: untried });
      const misspelt = expectNoLeak(shop.tenancy, withoutEntities.em, {
        tenants,
        notApplicable: [...untried, 'em.fnd'],
      });
      await expect(misspelt).rejects.toThrow('There is no attempt "em.fnd".');
    });
  });
});

describe('without the wall', () => {
  it('sees every attempt get across a plain MikroORM, so each of them can fail', async () => {
    const results = await unguardedProbe();
    expect(results.filter(({ outcome, name }) => outcome !== 'crossed' && name !== withDataloader)).toEqual([]);
  });

  it('tells with a table what got across', async () => {
    const unguarded = await openUnguarded(shop.database.url);
    const checking = expectNoLeak(unguarded.tenancy, unguarded.orm.em, { tenants: ['acme', 'globex'] });
    await expect(checking).rejects.toThrow(
      /ways lead from "acme" to "globex":\n {2}outcome +attempt +detail\n {2}crossed +select from its table/,
    );
    await unguarded.close();
  });

  it('sees rows appear at the other tenant when both write to one schema', async () => {
    const unguarded = await openUnguarded(shop.database.url);
    const { run } = unguarded.tenancy;
    const oneSchema = Object.assign(unguarded.tenancy, { run: (_: string, fn: () => unknown) => run('acme', fn) });
    const write = (em: EntityManager) => em.create(Widget, { name: 'anybody’s' });
    const checking = expectNoLeak(oneSchema, unguarded.orm.em, { tenants: ['acme', 'globex'], write });
    await expect(checking).rejects.toThrow('rows of "acme" appeared at "globex"');
    await unguarded.close();
  });
});

/** The same attempts, where code outside a scope also finds the target's tables by their bare names. */
async function unguardedProbe(): Promise<readonly ProbeResult[]> {
  const { name, admin, url } = shop.database;
  await admin.query(`alter database ${name} set search_path to globex_shop`);
  const unguarded = await openUnguarded(url);
  try {
    return await probe(unguarded.tenancy, unguarded.orm.em, between);
  } finally {
    await unguarded.close();
    await admin.query(`alter database ${name} reset search_path`);
  }
}
