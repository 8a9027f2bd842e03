import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type RunningService, type ServiceOptions, startService } from '../src/start-service.js';

const item = z.strictObject({ name: z.string() });

// A request that stays in flight until the test lets it finish.
let arrived: PromiseWithResolvers<void>;
let mayFinish: PromiseWithResolvers<void>;

@Controller('items')
class ItemsController {
  @Get('slow')
  async slow(): Promise<{ slow: boolean }> {
    arrived.resolve();
    await mayFinish.promise;
    return { slow: true };
  }

  @Get('broken')
  broken(): never {
    throw new Error('secret internals');
  }

  @Get(':id')
  one(@Param('id') id: string): { id: string } {
    return { id };
  }

  @Post()
  create(@Body({ schema: item }) body: z.infer<typeof item>): z.infer<typeof item> {
    return body;
  }
}

@Module({ controllers: [ItemsController] })
class ItemsModule {}

const started: RunningService[] = [];

async function start(options: Partial<ServiceOptions> = {}): Promise<RunningService> {
  const service = await startService({
    name: 'stock',
    port: 0,
    module: ItemsModule,
    logLevel: 'silent',
    openApi: { title: 'stock', description: 'Items', tenantHeader: 'x-client' },
    ...options,
  });
  started.push(service);
  return service;
}

beforeAll(() => {
  // The test runner talks over the same channel as scripts/start.ts would.
  Object.defineProperty(process, 'send', { value: undefined, configurable: true });
  return () => void Reflect.deleteProperty(process, 'send');
});

afterEach(async () => {
  mayFinish?.resolve();
  await Promise.all(started.splice(0).map((service) => service.stop()));
});

function expectProblem(response: { status: number; headers: Headers }, body: unknown, status: number): void {
  expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
    status,
    type: 'application/problem+json; charset=utf-8',
  });
  expect(body).toMatchObject({
    status,
    title: expect.any(String),
    detail: expect.any(String),
    code: expect.any(String),
  });
}

describe('what a caller gets wrong is answered with problem details', () => {
  const json = { 'content-type': 'application/json' };

  it.each<[string, string, RequestInit, number]>([
    ['an unknown address', '/nowhere', {}, 404],
    ['a method that the address does not take', '/items/1', { method: 'PUT' }, 404],
    ['a malformed address', '/%E0%A4%A', {}, 400],
    ['an address that is too long', `/items/${'a'.repeat(200)}`, {}, 414],
    ['headers that are too long', '/items/1', { headers: { 'x-long': 'a'.repeat(20_000) } }, 431],
    ['broken JSON', '/items', { method: 'POST', headers: json, body: '{"name"' }, 400],
    ['JSON that would poison a prototype', '/items', { method: 'POST', headers: json, body: '{"__proto__":{}}' }, 400],
    ['an empty body', '/items', { method: 'POST', headers: json, body: '' }, 400],
    [
      'a body over 1 MiB',
      '/items',
      { method: 'POST', headers: json, body: JSON.stringify({ name: 'a'.repeat(1024 * 1024) }) },
      413,
    ],
    ['another media type', '/items', { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' }, 415],
    ['a value that the schema refuses', '/items', { method: 'POST', headers: json, body: '{"name":1}' }, 400],
    ['an unknown field', '/items', { method: 'POST', headers: json, body: '{"name":"a","x":1}' }, 400],
    ['a failure of ours', '/items/broken', {}, 500],
  ])('%s', async (_, path, init, status) => {
    const { url } = await start();
    const response = await fetch(url + path, init);
    const body: unknown = await response.json();
    expectProblem(response, body, status);
    expect(JSON.stringify(body)).not.toMatch(/secret internals|node_modules/);
  });

  it('what is not HTTP at all', async () => {
    const { url } = await start();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('HELLO\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json/);
    expect(answer).toMatch(/"status":400/);
  });

  it('a request that never fully arrives', async () => {
    const { url } = await start({ requestTimeoutMs: 300 });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('POST /items HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('what every service has', () => {
  it('answers /__health without a database, and /__health/db with 503', async () => {
    const { url } = await start();
    const health = await fetch(`${url}/__health`);
    expect({ status: health.status, body: await health.json() }).toMatchObject({ status: 200, body: { status: 'ok' } });
    const database = await fetch(`${url}/__health/db`);
    expectProblem(database, await database.json(), 503);
  });

  it('describes its API, with the tenant header on every route except health', async () => {
    const { url } = await start();
    const { info, paths } = (await (await fetch(`${url}/docs-json`)).json()) as {
      info: { title: string };
      paths: Record<string, { parameters?: { name: string; in: string; required: boolean }[] }>;
    };
    expect(info.title).toBe('stock');
    expect(paths['/items/{id}']?.parameters).toMatchObject([{ name: 'x-client', in: 'header', required: true }]);
    expect(paths['/__health']?.parameters).toBeUndefined();
    expect(await (await fetch(`${url}/docs`)).text()).toContain('swagger-ui');
  });

  it('listens on loopback unless told otherwise', async () => {
    const { url } = await start();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('names the variable of a port that is taken, and calls onStopped', async () => {
    const { url } = await start();
    let stopped = 0;
    const port = Number(new URL(url).port);
    const second = start({ port, name: 'back-office', onStopped: () => void (stopped += 1) });
    await expect(second).rejects.toMatchObject({
      name: 'StartupError',
      message: `Port ${port} on 127.0.0.1 is taken; stop the program that uses it, or set BACK_OFFICE_PORT to another port.`,
    });
    expect(stopped).toBe(1);
  });
});

describe('stopping', () => {
  it('finishes the request in flight, closes its connection and refuses new ones', async () => {
    const service = await start();
    const slow = await requestInFlight(service);
    const stopped = service.stop();
    await expect(untilRefused(service.url)).resolves.toBe('refused');
    mayFinish.resolve();
    const response = await slow.response;
    expect(response.headers.connection).toBe('close');
    expect(JSON.parse(await text(response))).toEqual({ slow: true });
    await stopped;
  });

  it('closes idle keep-alive connections', async () => {
    const service = await start();
    const agent = new Agent({ keepAlive: true });
    await text(await get(`${service.url}/items/1`, agent));
    await service.stop();
    agent.destroy();
  });

  it('cuts off what is still in flight after the limit', async () => {
    let stopped = 0;
    const service = await start({ shutdownTimeoutMs: 50, onStopped: () => void (stopped += 1) });
    const cutOff = expect((await requestInFlight(service)).response).rejects.toThrow(/socket hang up/);
    await service.stop();
    await cutOff;
    expect(stopped).toBe(1);
  });

  it('stops once however often it is asked to', async () => {
    let stopped = 0;
    const service = await start({ onStopped: () => void (stopped += 1) });
    await Promise.all([service.stop(), service.stop()]);
    expect(stopped).toBe(1);
  });

  it('leaves no signal handlers behind', async () => {
    const before = process.listenerCount('SIGTERM');
    const service = await start();
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    await service.stop();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});

/** Sends the slow request and answers once the service works on it. */
async function requestInFlight({ url }: RunningService): Promise<{ response: Promise<IncomingMessage> }> {
  arrived = Promise.withResolvers();
  mayFinish = Promise.withResolvers();
  const response = get(`${url}/items/slow`, new Agent({ keepAlive: true }));
  response.catch(() => undefined);
  await arrived.promise;
  // Wrapped: whoever awaits this function must not wait for the response.
  return { response };
}

function get(url: string, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpGet(url, { agent }, resolve).once('error', reject);
  });
}

async function untilRefused(url: string): Promise<string> {
  for (;;) {
    const outcome = await fetch(`${url}/items/1`, { headers: { connection: 'close' } }).then(
      () => 'answered',
      () => 'refused',
    );
    if (outcome === 'refused') return outcome;
  }
}
