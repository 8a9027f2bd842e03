import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

const events = new EventEmitter();

/** What a piece of code saw, or why it saw nothing. */
type Sight = string | Error;

@Injectable()
class Work implements OnModuleInit, OnApplicationBootstrap {
  readonly atStart: Promise<Sight>[] = [];

  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {
    events.on('event', (done: (sight: Promise<Sight>) => void) => done(this.look()));
  }

  onModuleInit(): void {
    this.atStart.push(this.look());
    setTimeout(() => events.emit('timer', this.look()), 5);
  }

  onApplicationBootstrap(): void {
    this.atStart.push(this.look());
  }

  look(): Promise<Sight> {
    const names = async () => (await this.em.find(Widget, {})).map(({ name }) => name).join();
    return names().catch((error: Error) => error);
  }

  lookAs(tenant: string): Promise<Sight> {
    return this.tenancy.run(tenant, () => this.look());
  }
}

@Controller()
class WorkController {
  constructor(@Inject(Work) private readonly work: Work) {}

  @Get('later')
  async later(): Promise<unknown> {
    const sights = await Promise.all([
      new Promise<Sight>((resolve) => setTimeout(() => void this.work.look().then(resolve), 10)),
      new Promise<Sight>((resolve) => setImmediate(() => void this.work.look().then(resolve))),
      new Promise<Sight>((resolve) => process.nextTick(() => void this.work.look().then(resolve))),
      new Promise<Sight>((resolve) => events.emit('event', resolve)),
    ]);
    return sights.map(String);
  }
}

let shop: NestShop;
let timer: Promise<unknown[]>;
beforeAll(async () => {
  timer = once(events, 'timer');
  shop = await openNestShop({ controllers: [WorkController], providers: [Work] });
});
afterAll(() => shop.close());

async function expectRefused(sight: Promise<Sight> | undefined): Promise<void> {
  const error = await sight;
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).not.toMatch(/select/);
}

it('refuses tenant data to lifecycle hooks, timers and event handlers that no scope surrounds', async () => {
  const work = shop.app.get(Work);
  for (const sight of work.atStart) await expectRefused(sight);
  await expectRefused((await timer)[0] as Promise<Sight>);
  await expectRefused(new Promise<Sight>((resolve) => events.emit('event', resolve)));
});

it('gives it to the same code inside tenancy.run()', async () => {
  for (const tenant of shop.tenants) expect(await shop.app.get(Work).lookAs(tenant)).toBe(tenant);
});

it('gives timers and event handlers that a request starts the tenant of that request', async () => {
  const requests = Array.from({ length: 10 }, (_, index) => shop.tenants[index % 2 === 0 ? 0 : 1]);
  const seen = await Promise.all(requests.map((tenant) => shop.get('/later', tenant)));
  expect(seen).toEqual(requests.map((tenant) => [tenant, tenant, tenant, tenant]));
});
