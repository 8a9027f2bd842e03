import { EventEmitter } from 'node:events';
import { EntityManager } from '@mikro-orm/postgresql';
import { Body, Controller, Inject, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { currentScope, runInScope } from '../../src/context/current-scope.js';
import { catalogScope } from '../../src/context/scope.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@Controller('widgets')
class WidgetsController {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  @Post()
  async post(@Body() body: { text: string }): Promise<unknown> {
    return { saw: (await this.em.find(Widget, {})).map(({ name }) => name).join(), length: body.text.length };
  }
}

/** Calls back from one async context for all requests, as a client of a queue or of a cache may. */
const elsewhere = new EventEmitter().setMaxListeners(0);
let ticking: NodeJS.Timeout;
/** How many requests went on from there, and in which scope it is. */
const wentOn = { count: 0, scopes: new Set<string | undefined>() };
let strays = false;

/** A service's own hooks, which wait for something that loses the request's async context. */
function straying(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const wait = (done: () => void) => {
    if (!strays) return done();
    elsewhere.once('tick', () => {
      wentOn.count++;
      wentOn.scopes.add(currentScope()?.kind);
      done();
    });
  };
  fastify.addHook('onRequest', (_request, _reply, done) => wait(done));
  fastify.addHook('preParsing', (_request, _reply, _payload, done) => wait(done));
}

let shop: NestShop;
beforeAll(async () => {
  // Another scope than that of any request.
  runInScope(catalogScope, () => {
    ticking = setInterval(() => elsewhere.emit('tick'), 1);
  });
  shop = await openNestShop({ controllers: [WidgetsController], prepare: straying });
});
afterAll(async () => {
  clearInterval(ticking);
  await shop.close();
});

/** Requests of both tenants at the same time, some with bodies of many packets. */
async function overlapping(): Promise<void> {
  const requests = Array.from({ length: 20 }, (_, index) => ({
    tenant: shop.tenants[index % 2 === 0 ? 0 : 1],
    text: 'x'.repeat(index * 5000),
  }));
  const answers = await Promise.all(
    requests.map(async ({ tenant, text }) => {
      const headers = { 'x-client': tenant, 'content-type': 'application/json' };
      const response = await fetch(`${shop.url}/widgets`, { method: 'POST', headers, body: JSON.stringify({ text }) });
      return response.json();
    }),
  );
  expect(answers).toEqual(requests.map(({ tenant, text }) => ({ saw: tenant, length: text.length })));
}

describe('a request with a body', () => {
  it('is in its tenant’s scope', async () => {
    await overlapping();
  });

  it('is in its tenant’s scope also where a hook of the service lost its async context on the way to the body', async () => {
    strays = true;
    await overlapping();
    expect(wentOn.count).toBeGreaterThanOrEqual(20);
    expect([...wentOn.scopes]).toEqual(['catalog']);
  });
});
