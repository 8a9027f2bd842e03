import { EntityManager } from '@mikro-orm/postgresql';
import { Inject, NotFoundException, UseFilters } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Widget } from '../../../../test/support/widgets.js';
import { ProblemFilter } from '../../src/nest/problem.filter.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@WebSocketGateway()
@UseFilters(ProblemFilter)
class WidgetsGateway {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @SubscribeMessage('names')
  async names(@MessageBody() tenant: string): Promise<unknown> {
    const names = await this.tenancy.run(tenant, async () => (await this.em.find(Widget, {})).map(({ name }) => name));
    return { event: 'names', data: names };
  }

  @SubscribeMessage('nobody')
  nobody(): Promise<unknown> {
    return this.em.find(Widget, {});
  }

  @SubscribeMessage('nobody with sql')
  nobodyWithSql(): Promise<unknown> {
    return this.em.execute('select id from tenantry.tenant');
  }

  @SubscribeMessage('secret')
  secret(): never {
    throw new Error('the password is hunter2');
  }

  @SubscribeMessage('nothing')
  nothing(): never {
    throw new NotFoundException('There is no such thing.');
  }

  @SubscribeMessage('own')
  own(): never {
    throw new WsException('As the service says.');
  }
}

let shop: NestShop;
let socket: WebSocket;
beforeAll(async () => {
  const providers = [WidgetsGateway, ProblemFilter];
  shop = await openNestShop({ providers, prepare: (app) => app.useWebSocketAdapter(new WsAdapter(app)) });
});
afterAll(() => shop.close());
beforeEach(async () => {
  // The header of the upgrade is a claim that nobody looked at: a socket outlives the request that it began as.
  socket = new WebSocket(shop.url.replace('http', 'ws'), { headers: { 'x-client': shop.tenants[0] } });
  await once(socket, 'open');
});
afterEach(() => socket.close());

async function ask(event: string, data: unknown = {}): Promise<unknown> {
  const answered = once(socket, 'message') as Promise<[Buffer]>;
  socket.send(JSON.stringify({ event, data }));
  return JSON.parse(String((await answered)[0])) as unknown;
}

it('gives a message the tenant that tenancy.run() names', async () => {
  for (const tenant of shop.tenants) expect(await ask('names', tenant)).toEqual({ event: 'names', data: [tenant] });
});

it('runs a message without a scope as nobody', async () => {
  for (const event of ['nobody', 'nobody with sql']) {
    expect(await ask(event)).toMatchObject({
      event: 'exception',
      data: { code: 'TENANCY_SCOPE_MISSING', status: 500 },
    });
  }
});

it('sends what a handler throws as Nest does, with no more than over HTTP', async () => {
  expect(await ask('secret')).toMatchObject({
    event: 'exception',
    data: {
      code: 'HTTP_INTERNAL_SERVER_ERROR',
      message: 'The service could not answer this request; its log says why.',
    },
  });
  expect(await ask('nothing')).toMatchObject({ data: { code: 'HTTP_NOT_FOUND', message: 'There is no such thing.' } });
  expect(await ask('names', 'unknown')).toMatchObject({ data: { code: 'TENANCY_TENANT_UNKNOWN', status: 404 } });
  expect(await ask('own')).toEqual({ event: 'exception', data: { status: 'error', message: 'As the service says.' } });
});
