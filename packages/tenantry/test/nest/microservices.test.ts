import { EntityManager } from '@mikro-orm/postgresql';
import {
  ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Inject,
  Injectable,
  NotFoundException,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import type { INestMicroservice } from '@nestjs/common';
import { firstValueFrom, type Observable, of, throwError, timeout } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../host/src/local-postgres/free-port.js';
import { Widget } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop, shopModule } from './nest-shop.js';

interface Job {
  readonly tenant: string;
}

@Controller()
class JobsController {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @MessagePattern('names')
  names(@Payload() { tenant }: Job): Promise<string[]> {
    return this.tenancy.run(tenant, async () => (await this.em.find(Widget, {})).map(({ name }) => name));
  }

  @MessagePattern('nobody')
  async nobody(): Promise<unknown> {
    return this.em.find(Widget, {});
  }

  @MessagePattern('nobody with sql')
  async nobodyWithSql(): Promise<unknown> {
    return this.em.execute('select id from tenantry.tenant');
  }

  @MessagePattern('secret')
  secret(): never {
    throw new Error('the password is hunter2');
  }

  @MessagePattern('later')
  later(): Observable<string> {
    return throwError(() => new Error('the password is hunter2'));
  }

  @MessagePattern('nothing')
  nothing(): never {
    throw new NotFoundException('There is no such thing.');
  }

  @MessagePattern('own')
  own(): never {
    throw new RpcException('As the service says.');
  }

  @MessagePattern('own object')
  ownObject(): never {
    throw new RpcException({ code: 5, message: 'As the service says.' });
  }

  @EventPattern('event')
  async event(@Payload() _data: object): Promise<unknown> {
    return this.em.find(Widget, {});
  }

  @MessagePattern('forbidden')
  forbidden(): Observable<string> {
    return of('was let in');
  }
}

/** What the application's own guard saw. */
const guarded: string[] = [];

@Injectable()
class OwnGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    guarded.push(`${context.getType()} ${context.getHandler().name}`);
    if (context.getHandler().name === 'forbidden') throw new ForbiddenException('Not you.');
    return true;
  }
}

/** Expects what Nest's client is told, and that it is told at all. */
async function toldBy(client: ClientProxy, pattern: string, data: object = {}): Promise<unknown> {
  return firstValueFrom(client.send<unknown>(pattern, data).pipe(timeout(10_000))).catch((error: unknown) => error);
}

function expectAnswers(connect: () => { client: ClientProxy; tenants: readonly string[] }): void {
  it('answers a handler that works, in the tenant that it names', async () => {
    const { client, tenants } = connect();
    const answers = await Promise.all(tenants.map((tenant) => toldBy(client, 'names', { tenant })));
    expect(answers).toEqual(tenants.map((tenant) => [tenant]));
  });

  it('answers a handler that throws, with no more than over HTTP', async () => {
    const { client } = connect();
    const internal = {
      code: 'HTTP_INTERNAL_SERVER_ERROR',
      status: 500,
      message: 'The service could not answer this request; its log says why.',
    };
    expect(await toldBy(client, 'secret')).toMatchObject(internal);
    expect(await toldBy(client, 'later')).toMatchObject(internal);
    expect(await toldBy(client, 'nothing')).toMatchObject({
      code: 'HTTP_NOT_FOUND',
      message: 'There is no such thing.',
    });
    expect(await toldBy(client, 'names', { tenant: 'nobody-there' })).toMatchObject({
      code: 'TENANCY_TENANT_UNKNOWN',
      status: 404,
    });
    expect(await toldBy(client, 'names', { tenant: 'NO ID' })).toMatchObject({
      code: 'TENANCY_TENANT_ID_INVALID',
      status: 400,
    });
  });

  it('passes on what the service says itself', async () => {
    const { client } = connect();
    expect(await toldBy(client, 'own')).toEqual({ status: 'error', message: 'As the service says.' });
    expect(await toldBy(client, 'own object')).toEqual({ code: 5, message: 'As the service says.' });
  });

  it('runs a handler without a scope as nobody', async () => {
    const { client } = connect();
    for (const pattern of ['nobody', 'nobody with sql'])
      expect(await toldBy(client, pattern)).toMatchObject({ code: 'TENANCY_SCOPE_MISSING', status: 500 });
  });

  it('outlives an event whose handler throws: nobody waits for an answer', async () => {
    const { client, tenants } = connect();
    await firstValueFrom(client.emit('event', {}), { defaultValue: undefined });
    expect(await toldBy(client, 'names', { tenant: tenants[0] })).toEqual([tenants[0]]);
  });

  it('asks the guards of the application, whose refusal is an answer too', async () => {
    const { client } = connect();
    expect(await toldBy(client, 'forbidden')).toMatchObject({ code: 'HTTP_FORBIDDEN', message: 'Not you.' });
    expect(guarded).toContain('rpc forbidden');
  });
}

const providers = [{ provide: APP_GUARD, useClass: OwnGuard }];

describe.each(['before the application is ready', 'after it'])('a microservice that is connected %s', (when) => {
  let shop: NestShop;
  let client: ClientProxy;
  beforeAll(async () => {
    const options = { host: '127.0.0.1', port: await freePort(undefined) };
    const prepare: Parameters<typeof openNestShop>[0]['prepare'] = (app) => {
      app.connectMicroservice({ transport: Transport.TCP, options }, { inheritAppConfig: true });
    };
    const before = when.startsWith('before');
    shop = await openNestShop({ controllers: [JobsController], providers, ...(before && { prepare }) });
    if (!before) prepare(shop.app);
    await shop.app.startAllMicroservices();
    client = ClientProxyFactory.create({ transport: Transport.TCP, options });
  });
  afterAll(async () => {
    client.close();
    await shop.close();
  });

  expectAnswers(() => ({ client, tenants: shop.tenants }));
});

describe('a microservice of its own', () => {
  let shop: NestShop;
  let microservice: INestMicroservice;
  let client: ClientProxy;
  beforeAll(async () => {
    shop = await openNestShop({ controllers: [] });
    const options = { host: '127.0.0.1', port: await freePort(undefined) };
    const module = shopModule(shop.database.url, { controllers: [JobsController], providers });
    microservice = await NestFactory.createMicroservice(module, { transport: Transport.TCP, options, logger: false });
    await microservice.listen();
    client = ClientProxyFactory.create({ transport: Transport.TCP, options });
  });
  afterAll(async () => {
    client.close();
    await microservice.close();
    await shop.close();
  });

  expectAnswers(() => ({ client, tenants: shop.tenants }));
});
