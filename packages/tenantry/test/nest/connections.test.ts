import { EntityManager } from '@mikro-orm/postgresql';
import { Body, Controller, Get, Inject, Post } from '@nestjs/common';
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exchange, rawRequest } from '../../../../test/support/raw-http.js';
import { Widget } from '../../../../test/support/widgets.js';
import { CatalogScope } from '../../src/nest/catalog-scope.decorator.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@Controller()
class WidgetsController {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @Get()
  async list(): Promise<unknown> {
    return { saw: (await this.em.find(Widget, {})).map(({ name }) => name).join() };
  }

  @Post()
  async post(@Body() body: { text: string }): Promise<unknown> {
    return { saw: (await this.em.find(Widget, {})).map(({ name }) => name).join(), length: body.text.length };
  }

  @CatalogScope()
  @Get('scope')
  scope(): unknown {
    return { saw: this.tenancy.current()?.kind };
  }
}

let shop: NestShop;
let agent: Agent;
beforeAll(async () => {
  shop = await openNestShop({ controllers: [WidgetsController] });
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
});
afterAll(async () => {
  agent.destroy();
  await shop.close();
});

/** One request on the one connection that all of them share; the body goes out piece by piece. */
function onOneConnection(
  method: string,
  path: string,
  tenant?: string,
  pieces: string[] = [],
): Promise<{ port: number | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(tenant !== undefined && { 'x-client': tenant }),
      ...(pieces.length > 0 && { 'content-type': 'application/json' }),
    };
    const sent = request(shop.url + path, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      const port = response.socket.localPort;
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ port, body: JSON.parse(Buffer.concat(chunks).toString()) }));
    });
    sent.on('error', reject);
    const next = (): void => {
      const piece = pieces.shift();
      if (piece === undefined) sent.end();
      else sent.write(piece, () => setTimeout(next, 2));
    };
    next();
  });
}

const bodyOf = (length: number) => ['{"te', `xt":"${'x'.repeat(length)}`, '"', '}'];

it('carries no scope from one request to the next on a connection that stays open', async () => {
  const [first, second] = shop.tenants;
  const answers = [
    await onOneConnection('POST', '/', first, bodyOf(100_000)),
    await onOneConnection('GET', '/'),
    await onOneConnection('GET', '/scope'),
    await onOneConnection('POST', '/', second, bodyOf(10)),
    await onOneConnection('POST', '/', undefined, bodyOf(10)),
    await onOneConnection('GET', '/', first),
  ];
  expect(new Set(answers.map(({ port }) => port)).size).toBe(1);
  expect(answers.map(({ body }) => body)).toMatchObject([
    { saw: first, length: 100_000 },
    { status: 401 },
    { saw: 'catalog' },
    { saw: second, length: 10 },
    { status: 401 },
    { saw: first },
  ]);
});

it('keeps the tenant of a request whose body arrives while others are answered', async () => {
  const slow = Array.from({ length: 8 }, (_, index) => {
    const tenant = shop.tenants[index % 2 === 0 ? 0 : 1];
    const pieces = bodyOf(50_000 + index);
    const stream = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 3 + (index % 3)));
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(piece));
      },
    });
    const headers = { 'x-client': tenant, 'content-type': 'application/json' };
    return fetch(shop.url, { method: 'POST', headers, body: stream, duplex: 'half' }).then((answer) => answer.json());
  });
  const quick = Array.from({ length: 20 }, (_, index) => shop.get('/', shop.tenants[index % 2 === 0 ? 1 : 0]));
  const expected = Array.from({ length: 8 }, (_, index) => ({
    saw: shop.tenants[index % 2 === 0 ? 0 : 1],
    length: 50_000 + index,
  }));
  expect(await Promise.all(slow)).toEqual(expected);
  expect(await Promise.all(quick)).toEqual(
    Array.from({ length: 20 }, (_, index) => ({ saw: shop.tenants[index % 2 === 0 ? 1 : 0] })),
  );
});

it('keeps pipelined requests apart, which arrive in one piece', async () => {
  const [first, second] = shop.tenants;
  const staying = (tenant?: string) =>
    Buffer.from(`GET / HTTP/1.1\r\nhost: localhost\r\n${tenant ? `x-client: ${tenant}\r\n` : ''}\r\n`);
  const posted = `{"text":"abc"}`;
  const post = Buffer.from(
    `POST / HTTP/1.1\r\nhost: localhost\r\nx-client: ${second}\r\ncontent-type: application/json\r\ncontent-length: ${posted.length}\r\n\r\n${posted}`,
  );
  const all = Buffer.concat([
    staying(first),
    post,
    staying(),
    staying(second),
    rawRequest('GET', '/', [`x-client: ${first}`]),
  ]);
  const saw = [...(await exchange(shop, all)).matchAll(/"saw":"([^"]*)"|"status":(\d+)/g)].map(
    ([, tenant, status]) => tenant ?? status,
  );
  expect(saw).toEqual([first, second, '401', second, first]);
});
