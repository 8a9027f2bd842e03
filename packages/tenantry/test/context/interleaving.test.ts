import { EventEmitter, once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';

const tenants = Array.from({ length: 12 }, (_, n) => `t${n}`);
let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ connections: 6 });
  await shop.signUp(...tenants);
});
afterAll(() => shop.close());

const current = () => {
  const scope = shop.tenancy.current();
  return scope?.kind === 'tenant' ? (scope.tenant.id as string) : undefined;
};

/** Ways in which code goes on later; each calls `then` when it does. */
const later: Readonly<Record<string, (then: () => void) => unknown>> = {
  'a promise': (then) => void Promise.resolve().then(then),
  'a microtask': (then) => queueMicrotask(then),
  'the next tick': (then) => process.nextTick(then),
  'the next turn': (then) => setImmediate(then),
  'a timer': (then) => setTimeout(then, 5),
  'an interval': (then) => {
    const timer = setInterval(() => (clearInterval(timer), then()), 1);
  },
  'an event': (then) => {
    const emitter = new EventEmitter().once('event', then);
    setImmediate(() => emitter.emit('event'));
  },
  'an awaited event': async (then) => {
    const emitter = new EventEmitter();
    setTimeout(() => emitter.emit('event'), 2);
    await once(emitter, 'event');
    then();
  },
  'a stream': async (then) => {
    for await (const chunk of Readable.from([1, 2, 3])) if (chunk === 3) then();
  },
  'a pipeline': async (then) => {
    await pipeline(Readable.from(['a', 'b']), new PassThrough(), async (source) => {
      for await (const _ of source) await turn();
    });
    then();
  },
  'an async generator': async (then) => {
    async function* numbers() {
      for (let n = 0; n < 3; n++) yield await sleep(1, n);
    }
    for await (const n of numbers()) if (n === 2) then();
  },
  'a query': async (then) => {
    await shop.orm.em.execute('select 1');
    then();
  },
};

describe('a scope survives', () => {
  it.each(Object.entries(later))('%s, while other tenants do the same', async (_, goOn) => {
    const seen = await Promise.all(
      tenants.map((tenant) =>
        shop.tenancy.run(tenant, () => new Promise<unknown>((resolve) => goOn(() => resolve(current())))),
      ),
    );
    expect(seen).toEqual(tenants);
  });
});

it('sees its own tenant at every step of ten thousand interleaved scopes', async () => {
  const wrong: string[] = [];
  const work = async (n: number) => {
    const tenant = tenants[n % tenants.length] ?? '';
    await shop.tenancy.run(tenant, async () => {
      for (let step = 0; step < 3; step++) {
        if (step === n % 3) await turn();
        else await Promise.resolve();
        if (current() !== tenant) wrong.push(tenant);
      }
      if (n % 5 === 0) {
        const other = tenants[(n + 1) % tenants.length] ?? '';
        await shop.tenancy.run(other, async () => {
          await turn();
          if (current() !== other) wrong.push(other);
        });
        if (current() !== tenant) wrong.push(tenant);
      }
    });
  };
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => work(n)));
  expect(wrong).toEqual([]);
});

it('reads and writes only its own rows in a storm over a few connections', async () => {
  const { tenancy, orm } = shop;
  const round = (tenant: string, n: number) =>
    tenancy.run(tenant, async () => {
      orm.em.create(Widget, { name: tenant });
      await (n % 3 === 0 ? orm.em.transactional((em) => em.flush()) : orm.em.flush());
      if (n % 4 === 0) await expect(orm.em.execute('select 1 / 0')).rejects.toMatchObject({ code: '22012' });
      const names = await orm.em.execute<{ name: string }[]>('select distinct name from widget');
      const found = await orm.em.fork().find(Widget, {});
      return [...names, ...found].filter(({ name }) => name !== tenant);
    });
  const foreign = await Promise.all(
    tenants.flatMap((tenant) => Array.from({ length: 25 }, (_, n) => round(tenant, n))),
  );
  expect(foreign.flat()).toEqual([]);
  const counts = await Promise.all(tenants.map((tenant) => tenancy.run(tenant, () => orm.em.count(Widget))));
  expect(counts).toEqual(tenants.map(() => 25));
});

it('without the wall: a tenant kept in a variable is somebody else’s after one await', async () => {
  let variable = '';
  const seen = await Promise.all(
    tenants.map(async (tenant) => {
      variable = tenant;
      await turn();
      return variable;
    }),
  );
  expect(seen).not.toEqual(tenants);
});
