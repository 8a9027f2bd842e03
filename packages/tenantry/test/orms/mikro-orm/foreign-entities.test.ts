import { LockMode, wrap } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Maker, Tag, Widget } from '../../../../../test/support/widgets.js';
import { stock } from '../../isolation/support/stock.js';
import { openUnguarded } from '../../isolation/support/unguarded.js';

interface Theirs {
  maker: Maker;
  widget: Widget;
  tag: Tag;
}
type Use = (em: EntityManager, theirs: Theirs) => unknown;

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
});
beforeEach(async () => {
  for (const schema of ['acme_shop', 'globex_shop']) {
    await shop.database.admin.query(
      `truncate ${schema}.widget_tags, ${schema}.widget, ${schema}.maker, ${schema}.tag restart identity`,
    );
  }
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

/** What acme's code holds and globex's code is handed by mistake. */
async function load(em: EntityManager): Promise<Theirs> {
  const widget = await em.findOneOrFail(Widget, 1, { populate: ['tags'] });
  return { maker: await em.findOneOrFail(Maker, 2), widget, tag: await em.findOneOrFail(Tag, 1) };
}

const inGlobex = async (use: Use) => {
  const theirs = await shop.tenancy.run('acme', () => load(shop.orm.em));
  return shop.tenancy.run('globex', async () => use(shop.orm.em.fork(), theirs));
};

const rowsOf = async () => {
  const sql = 'select id, name, maker_id from widget order by id';
  const rows = (tenant: string) => shop.tenancy.run(tenant, () => shop.orm.em.execute(sql));
  return { acme: await rows('acme'), globex: await rows('globex') };
};

/** Ways to save an entity of another tenant, or its id: ids collide, so it would be taken for one of this tenant. */
const saving: Readonly<Record<string, Use>> = {
  'changed and flushed': async (em, { widget }) => {
    widget.name = 'changed';
    await em.persist(widget).flush();
  },
  removed: (em, { widget }) => em.remove(widget).flush(),
  merged: (em, { widget }) => em.merge(widget),
  'in a new entity': (em, { maker }) => em.create(Widget, { name: 'new', maker }),
  'in a changed relation': async (em, { maker }) => {
    const mine = await em.findOneOrFail(Widget, 1);
    mine.maker = null;
    await em.flush();
    mine.maker = maker;
    await em.flush();
  },
  'in assigned data': async (em, { maker }) => em.assign(await em.findOneOrFail(Widget, 1), { maker }),
  'in a many-to-many collection': async (em, { tag }) => {
    const mine = await em.findOneOrFail(Widget, 1, { populate: ['tags'] });
    mine.tags.removeAll();
    mine.tags.add(tag);
    await em.flush();
  },
  'in a one-to-many collection': async (em, { widget }) => {
    const mine = await em.findOneOrFail(Maker, 1, { populate: ['widgets'] });
    mine.widgets.add(widget);
    await em.flush();
  },
  'behind a cascade': async (em, { maker }) => {
    maker.name = 'changed';
    const mine = await em.findOneOrFail(Widget, 1);
    mine.maker = maker;
    await em.flush();
  },
  'in em.insert': (em, { maker }) => em.insert(Widget, { name: 'new', maker }),
  'in em.insertMany': (em, { maker }) => em.insertMany(Widget, [{ name: 'new' }, { name: 'new', maker }]),
  'in em.upsert': (em, { maker }) => em.upsert(Widget, { id: 1, name: 'new', maker }),
  'in em.nativeUpdate': (em, { maker }) => em.nativeUpdate(Widget, { id: 1 }, { maker }),
  'in an insert of a QueryBuilder': (em, { maker }) =>
    em.createQueryBuilder(Widget).insert({ name: 'new', maker }).execute(),
  'in an update of a QueryBuilder': (em, { maker }) =>
    em.createQueryBuilder(Widget).update({ maker }).where({ id: 1 }).execute(),
};

/** Ways to read with an entity of another tenant in hand. */
const reading: Readonly<Record<string, Use>> = {
  'as a condition': (em, { maker }) => em.find(Widget, { maker }),
  'deep in a condition': (em, { maker }) => em.find(Widget, { $or: [{ name: 'x' }, { maker: { $in: [maker] } }] }),
  'as the key': (em, { maker }) => em.findOne(Maker, maker),
  'in a count': (em, { maker }) => em.count(Widget, { maker }),
  'in a condition of a QueryBuilder': (em, { maker }) => em.createQueryBuilder(Widget).where({ maker }).getResultList(),
  refreshed: (em, { widget }) => em.refresh(widget),
  populated: (em, { widget }) => em.populate([widget], ['maker']),
  locked: (em, { widget }) => em.transactional((inner) => inner.lock(widget, LockMode.PESSIMISTIC_WRITE)),
  'loaded again by itself': (_, { widget }) => wrap(widget).init(),
  'asked for a collection': (_, { widget }) => widget.tags.init(),
  'asked for part of a collection': (_, { widget }) => widget.tags.matching({}),
  'asked for the size of a collection': (_, { maker }) => maker.widgets.loadCount(),
};

describe('an entity of another tenant', () => {
  it.each(Object.entries(saving))('is refused, and nothing is saved: %s', async (_, use) => {
    const before = await rowsOf();
    await expect(inGlobex(use)).rejects.toMatchObject({ code: 'TENANCY_SCOPE_MISMATCH' });
    const { acme, globex } = await rowsOf();
    expect(acme).toEqual(before.acme);
    expect(globex).toHaveLength(1);
  });

  it.each(Object.entries(reading))('is refused, and nothing is read with it: %s', async (_, use) => {
    await expect(inGlobex(use)).rejects.toMatchObject({ code: 'TENANCY_SCOPE_MISMATCH' });
  });

  it('may be turned into data, also outside any scope', async () => {
    const { widget } = await shop.tenancy.run('acme', () => load(shop.orm.em));
    expect(JSON.parse(JSON.stringify(widget))).toMatchObject({ name: 'acme widget', tags: [{ name: 'acme tag' }] });
    expect(await shop.tenancy.run('globex', () => wrap(widget).toPOJO().name)).toBe('acme widget');
  });
});

it('lets a tenant’s own entities be used in all these ways', async () => {
  const own = await shop.tenancy.run('globex', async () => {
    const em = shop.orm.em.fork();
    const { maker, widget, tag } = await load(em);
    em.create(Widget, { name: 'second', maker }).tags.add(tag);
    await em.flush();
    await em.insert(Widget, { name: 'third', maker });
    await em.refresh(widget);
    return em.find(Widget, { maker }, { orderBy: { id: 'asc' } });
  });
  expect(own.map(({ name }) => name)).toEqual(['globex widget', 'second', 'third']);
});

it('without the wall: a plain EntityManager saves the id, and means this tenant’s row', async () => {
  const unguarded = await openUnguarded(shop.database.url);
  const { tenancy, orm } = unguarded;
  const theirs = await tenancy.run('acme', () => load(orm.em.fork()));
  const bound = await tenancy.run('globex', async () => {
    const em = orm.em.fork();
    em.create(Widget, { name: 'bound', maker: theirs.maker });
    await em.flush();
    const found = await em.fork().findOneOrFail(Widget, { name: 'bound' }, { populate: ['maker'] });
    return found.maker?.name;
  });
  expect(theirs.maker.name).toBe('acme maker');
  expect(bound).toBe('globex maker');
  await unguarded.close();
});
