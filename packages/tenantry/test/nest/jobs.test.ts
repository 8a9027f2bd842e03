import { EntityManager } from '@mikro-orm/postgresql';
import {
  Controller,
  Inject,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Param,
  Post,
} from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

/** What a piece of code saw, or the code of the error that it met. */
type Sight = string;

/** Where jobs leave what they saw. */
const reports = new EventEmitter().setMaxListeners(100);
const reported = async (what: string) => ((await once(reports, what)) as [Sight])[0];

@Injectable()
class Look {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  async entities(): Promise<Sight> {
    return this.#sight(async () => (await this.em.find(Widget, {})).map(({ name }) => name).join());
  }

  async sql(): Promise<Sight> {
    return this.#sight(async () => (await this.em.execute<{ role: string }[]>('select current_user as role'))[0]?.role);
  }

  async #sight(look: () => Promise<string | undefined>): Promise<Sight> {
    return look().then(String, (error: { code?: string; message: string }) => `${error.code} ${error.message}`);
  }
}

@Injectable()
class Scheduled {
  constructor(
    @Inject(Look) private readonly look: Look,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @Timeout(1)
  async once(): Promise<void> {
    reports.emit('timeout', await this.look.entities());
  }

  @Interval(20)
  async often(): Promise<void> {
    reports.emit('interval', await this.look.sql());
  }

  @Interval(20)
  async forEachTenant(): Promise<void> {
    for (const tenant of tenants)
      reports.emit(`interval ${tenant}`, await this.tenancy.run(tenant, () => this.look.entities()));
  }
}

interface Job {
  readonly tenant: string;
}

/** A queue's worker as BullMQ has it: `process` is called from a loop of the worker's own, with what was serialized. */
class Worker {
  readonly #jobs: string[] = [];
  readonly #added = new EventEmitter();

  constructor(process: (job: Job) => Promise<void>) {
    void (async () => {
      for (;;) {
        const next = this.#jobs.shift();
        if (next === undefined) await once(this.#added, 'added');
        else if (next === 'stop') return;
        else await process(JSON.parse(next) as Job);
      }
    })();
  }

  add(job: Job | 'stop'): void {
    this.#jobs.push(job === 'stop' ? job : JSON.stringify(job));
    this.#added.emit('added');
  }
}

@Injectable()
class Processor {
  readonly queue: Worker;

  constructor(@Inject(Look) look: Look, @Inject(Tenancy) tenancy: Tenancy) {
    this.queue = new Worker(async ({ tenant }) => {
      reports.emit('job', await look.entities());
      reports.emit(`job of ${tenant}`, await tenancy.run(tenant, () => look.entities()));
    });
  }
}

@Injectable()
class Listener {
  constructor(@Inject(Look) private readonly look: Look) {}

  @OnEvent('sold')
  async onSold(id: string): Promise<void> {
    reports.emit(id, await this.look.entities());
  }

  @OnEvent('sold', { async: true })
  async onSoldLater(id: string): Promise<void> {
    reports.emit(`${id} later`, await this.look.entities());
  }
}

@Controller()
class SalesController {
  constructor(
    @Inject(EventEmitter2) private readonly emitter: EventEmitter2,
    @Inject(Processor) private readonly processor: Processor,
  ) {}

  @Post('sell/:id')
  sell(@Param('id') id: string): void {
    this.emitter.emit('sold', id);
  }

  @Post('queue/:tenant')
  queue(@Param('tenant') tenant: string): void {
    this.processor.queue.add({ tenant });
  }
}

@Module({})
class MiddlewareModule implements NestModule {
  constructor(@Inject(Look) private readonly look: Look) {}

  configure(consumer: MiddlewareConsumer): void {
    const middleware = (_: unknown, __: unknown, next: () => void) =>
      void this.look.entities().then((sight) => {
        reports.emit('middleware', sight);
        next();
      });
    consumer.apply(middleware).forRoutes('queue/:tenant');
  }
}

@Module({ providers: [Look], exports: [Look] })
class LookModule {}

let shop: NestShop;
let tenants: readonly string[] = [];
let timeoutSaw: Promise<Sight>;
beforeAll(async () => {
  timeoutSaw = reported('timeout');
  shop = await openNestShop({
    imports: [
      ScheduleModule.forRoot(),
      EventEmitterModule.forRoot(),
      LookModule,
      { module: MiddlewareModule, imports: [LookModule] },
    ],
    controllers: [SalesController],
    providers: [Scheduled, Processor, Listener],
  });
  tenants = shop.tenants;
});
afterAll(async () => {
  shop.app.get(Processor).queue.add('stop');
  for (const name of shop.app.get(SchedulerRegistry).getIntervals())
    shop.app.get(SchedulerRegistry).deleteInterval(name);
  await shop.close();
});

const post = (path: string, tenant: string) =>
  fetch(shop.url + path, { method: 'POST', headers: { 'x-client': tenant } });
const wayOut = /^TENANCY_SCOPE_MISSING .*tenancy\.run\(tenantId, fn\)/;

it('runs scheduled methods as nobody, and tells the way out', async () => {
  expect(await timeoutSaw).toMatch(wayOut);
  expect(await reported('interval')).toMatch(wayOut);
});

it('gives them each tenant that they name', async () => {
  const sights = await Promise.all(tenants.map((tenant) => reported(`interval ${tenant}`)));
  expect(sights).toEqual(tenants);
});

it('runs a queue’s processor as nobody, whoever added the job, and as the job’s tenant in tenancy.run()', async () => {
  const [first, second] = shop.tenants;
  const sights = Promise.all([reported('job'), reported(`job of ${second}`)]);
  await post(`/queue/${second}`, first);
  expect(await sights).toEqual([expect.stringMatching(wayOut), second]);
});

it('runs Nest’s middleware as nobody, and names guards and interceptors', async () => {
  const sight = reported('middleware');
  await post(`/queue/${shop.tenants[0]}`, shop.tenants[1]);
  expect(await sight).toMatch(wayOut);
  expect(await sight).toMatch(/use a guard or an interceptor/);
});

it('runs an event’s listener in the scope of whoever emits', async () => {
  const emitting = Array.from({ length: 10 }, (_, n) => ({
    id: `sale-${n}`,
    tenant: shop.tenants[n % 2 === 0 ? 0 : 1],
  }));
  const sights = Promise.all(emitting.flatMap(({ id }) => [reported(id), reported(`${id} later`)]));
  await Promise.all(emitting.map(({ id, tenant }) => post(`/sell/${id}`, tenant)));
  expect(await sights).toEqual(emitting.flatMap(({ tenant }) => [tenant, tenant]));
});

it('runs it as nobody when nobody emits', async () => {
  const sights = Promise.all([reported('of nobody'), reported('of nobody later')]);
  shop.app.get(EventEmitter2).emit('sold', 'of nobody');
  expect(await sights).toEqual([expect.stringMatching(wayOut), expect.stringMatching(wayOut)]);
});
