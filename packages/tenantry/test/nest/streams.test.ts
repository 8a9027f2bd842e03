import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, type MessageEvent, Sse, StreamableFile, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { concatMap, interval, map, type Observable, take } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@Controller()
class StreamsController {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  @Sse('events')
  events(): Observable<MessageEvent> {
    return interval(5).pipe(
      take(5),
      concatMap(() => this.names()),
      map((data) => ({ data })),
    );
  }

  @Sse('broken-events')
  brokenEvents(): Observable<MessageEvent> {
    return interval(5).pipe(
      concatMap(async (index) =>
        index === 0 ? this.names() : JSON.stringify(await this.em.execute('select secret from widget')),
      ),
      map((data) => ({ data })),
    );
  }

  @Get('file')
  file(): StreamableFile {
    return new StreamableFile(Readable.from(this.chunks()));
  }

  @Get('raw')
  raw(@Res() reply: FastifyReply): void {
    reply.hijack();
    reply.raw.writeHead(200);
    // The handler is long done when this writes.
    setTimeout(() => void this.names().then((names) => reply.raw.end(names)), 20);
  }

  @Get('breaking')
  async breaking(@Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    reply.raw.writeHead(200, { 'content-type': 'text/plain' });
    reply.raw.write('begun');
    await this.em.execute('select secret from widget');
  }

  private async *chunks(): AsyncGenerator<string> {
    for (let index = 0; index < 5; index++) {
      await sleep(5);
      yield `${await this.names()}\n`;
    }
  }

  private async names(): Promise<string> {
    return (await this.em.fork().find(Widget, {})).map(({ name }) => name).join();
  }
}

let shop: NestShop;
beforeAll(async () => {
  shop = await openNestShop({ controllers: [StreamsController] });
});
afterAll(() => shop.close());

async function text(path: string, tenant: string): Promise<string> {
  const response = await fetch(shop.url + path, { headers: { 'x-client': tenant } });
  expect(response.status).toBe(200);
  return response.text();
}

it.each([
  ['/events', (body: string) => [...body.matchAll(/^data: (.*)$/gm)].map(([, data]) => data)],
  ['/file', (body: string) => body.trim().split('\n')],
  ['/raw', (body: string) => Array.from({ length: 5 }, () => body)],
])('keeps the tenant of %s for everything that is written after the handler returned', async (path, parts) => {
  const requests = Array.from({ length: 10 }, (_, index) => shop.tenants[index % 2 === 0 ? 0 : 1]);
  const bodies = await Promise.all(requests.map((tenant) => text(path, tenant)));
  expect(bodies.map(parts)).toEqual(requests.map((tenant) => Array.from({ length: 5 }, () => tenant)));
});

it('tells nothing of an error in the middle of an event stream', async () => {
  const body = await text('/broken-events', shop.tenants[0]);
  expect(body).toContain(`data: ${shop.tenants[0]}`);
  expect(body).toContain('event: error');
  expect(body).not.toMatch(/select|secret|_shop/);
});

it('ends an answer that breaks after it was begun, and tells nothing of why', async () => {
  expect(await text('/breaking', shop.tenants[0])).toBe('begun');
});
