import { EntityManager } from '@mikro-orm/postgresql';
import {
  type ArgumentsHost,
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  Param,
  type PipeTransform,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { from, mergeMap, type Observable } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

/** Names of the widgets that each stage of a request saw; widgets are named as their tenant. */
const seen: Record<string, string[]> = {};

@Injectable()
class Stages {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  async look(request: string, stage: string): Promise<string> {
    const names = (await this.em.find(Widget, {})).map(({ name }) => name);
    (seen[request] ??= []).push(`${stage} ${names.join()}`);
    return names.join();
  }
}

const requestOf = (context: ExecutionContext) =>
  context.switchToHttp().getRequest<{ params: { name: string } }>().params.name;

@Injectable()
class EarlyGuard implements CanActivate {
  constructor(@Inject(Stages) private readonly stages: Stages) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.stages.look(requestOf(context), 'early guard');
    return true;
  }
}

@Injectable()
class RouteGuard implements CanActivate {
  constructor(@Inject(Stages) private readonly stages: Stages) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.stages.look(requestOf(context), 'route guard');
    return true;
  }
}

@Injectable()
class Around implements NestInterceptor {
  constructor(@Inject(Stages) private readonly stages: Stages) {}
  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = requestOf(context);
    await this.stages.look(request, 'interceptor before');
    return next
      .handle()
      .pipe(mergeMap((value) => from(this.stages.look(request, 'interceptor after').then(() => value as unknown))));
  }
}

@Injectable()
class Pipe implements PipeTransform {
  constructor(@Inject(Stages) private readonly stages: Stages) {}
  async transform(request: string): Promise<string> {
    await this.stages.look(request, 'pipe');
    return request;
  }
}

@Catch(BadRequestException)
class Filter implements ExceptionFilter {
  constructor(@Inject(Stages) private readonly stages: Stages) {}
  async catch(error: BadRequestException, host: ArgumentsHost): Promise<void> {
    const saw = await this.stages.look(error.message, 'filter');
    host.switchToHttp().getResponse<{ send(body: unknown): void }>().send({ saw });
  }
}

@Controller()
@UseGuards(RouteGuard)
@UseFilters(Filter)
class StagesController {
  constructor(@Inject(Stages) private readonly stages: Stages) {}

  @Get('fine/:name')
  async fine(@Param('name', Pipe) name: string): Promise<unknown> {
    return { saw: await this.stages.look(name, 'controller') };
  }

  @Get('failing/:name')
  failing(@Param('name') name: string): never {
    throw new BadRequestException(name);
  }
}

@Module({
  providers: [Stages, { provide: APP_GUARD, useClass: EarlyGuard }, { provide: APP_INTERCEPTOR, useClass: Around }],
  exports: [Stages],
})
class EarlyModule {}

/** Kinds of scope in which Fastify's hooks ran, the last ones before the guards. */
const beforeGuards = new Set<string | undefined>();

function watchBeforeGuards(app: NestFastifyApplication): void {
  const tenancy = app.get(Tenancy);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preHandler', async () => {
      beforeGuards.add(tenancy.current()?.kind);
    });
}

let shop: NestShop;
beforeAll(async () => {
  // Imported before TenancyModule, so that its guard is registered before the library's.
  shop = await openNestShop({ imports: [EarlyModule], controllers: [StagesController], prepare: watchBeforeGuards });
});
afterAll(() => shop.close());

const before = ['early guard', 'route guard', 'interceptor before'];
const fine = [...before, 'pipe', 'controller', 'interceptor after'];

it('gives guards, interceptors, pipes, controllers and services the tenant of the request, also of the very first one', async () => {
  for (const tenant of shop.tenants) {
    expect(await shop.get(`/fine/${tenant}-first`, tenant)).toEqual({ saw: tenant });
    expect(seen[`${tenant}-first`]).toEqual(fine.map((stage) => `${stage} ${tenant}`));
  }
});

it('gives hooks and middleware, which run before the route is known, no scope: neither at first nor when the tenant is cached', async () => {
  for (const name of ['once', 'again']) await shop.get(`/fine/${name}`, shop.tenants[0]);
  expect([...beforeGuards]).toEqual([undefined]);
});

it('gives exception filters the tenant of the request', async () => {
  for (const tenant of shop.tenants) {
    expect(await shop.get(`/failing/${tenant}-failing`, tenant)).toEqual({ saw: tenant });
    expect(seen[`${tenant}-failing`]).toEqual([...before, 'filter'].map((stage) => `${stage} ${tenant}`));
  }
});

it('keeps 60 requests that overlap apart in every stage', async () => {
  const requests = Array.from({ length: 60 }, (_, index) => ({
    tenant: shop.tenants[index % 2 === 0 ? 0 : 1],
    name: `overlapping-${index}`,
  }));
  await Promise.all(requests.map(({ tenant, name }) => shop.get(`/fine/${name}`, tenant)));
  for (const { tenant, name } of requests) expect(seen[name]).toEqual(fine.map((stage) => `${stage} ${tenant}`));
});

it('refuses a request without a tenant before any guard runs', async () => {
  expect(await shop.get('/fine/nobody')).toMatchObject({ status: 401, code: 'TENANCY_TENANT_MISSING' });
  expect(await shop.get('/fine/nobody', 'unknown')).toMatchObject({ status: 404, code: 'TENANCY_TENANT_UNKNOWN' });
  expect(seen['nobody']).toBeUndefined();
});
