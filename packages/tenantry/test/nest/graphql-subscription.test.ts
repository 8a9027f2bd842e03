import { EntityManager } from '@mikro-orm/postgresql';
import { Inject } from '@nestjs/common';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Widget } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@Resolver()
class WatchingResolver {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @Query(() => String)
  nothing(): string {
    return 'nothing';
  }

  /** What it sees by itself, and in the tenant that it names. */
  @Subscription(() => String)
  async *watch(): AsyncGenerator<{ watch: string }> {
    const look = async () => (await this.em.find(Widget, {})).map(({ name }) => name).join();
    yield { watch: await look().catch(({ code }: { code: string }) => code) };
    const [, second] = shop.tenants;
    yield { watch: await this.tenancy.run(second, look) };
  }
}

let shop: NestShop;
beforeAll(async () => {
  const graphql: MercuriusDriverConfig = { driver: MercuriusDriver, autoSchemaFile: true, subscription: true };
  shop = await openNestShop({ imports: [GraphQLModule.forRoot(graphql)], providers: [WatchingResolver] });
});
afterAll(() => shop.close());

it('runs as nobody, whatever the upgrade of its socket named, and as the tenant that tenancy.run() names', async () => {
  const [first, second] = shop.tenants;
  const url = `${shop.url.replace('http', 'ws')}/graphql`;
  const socket = new WebSocket(url, 'graphql-transport-ws', { headers: { 'x-client': first } });
  const messages: { type: string; payload?: { data?: unknown } }[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(String(data)) as (typeof messages)[number]));
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await expect.poll(() => messages.map(({ type }) => type)).toEqual(['connection_ack']);
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: 'subscription { watch }' } }));
  await expect.poll(() => messages.at(-1)?.type).toBe('complete');
  expect(messages.filter(({ type }) => type === 'next').map(({ payload }) => payload?.data)).toEqual([
    { watch: 'TENANCY_SCOPE_MISSING' },
    { watch: second },
  ]);
  socket.close();
});
