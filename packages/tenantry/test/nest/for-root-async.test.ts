import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { Widget, widgetEntities, widgetMigrations } from '../../../../test/support/widgets.js';
import { TenancyModule } from '../../src/nest/tenancy.module.js';
import type { TenancyModuleOptions } from '../../src/nest/tenancy-module-options.js';
import { fromHeader } from '../../src/resolution/from-header.js';
import { Tenancy } from '../../src/tenancy.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

@Injectable()
class Settings {
  get url(): string {
    return database.url;
  }
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Controller('widgets')
class WidgetsController {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  @Get()
  list(): Promise<Widget[]> {
    return this.em.find(Widget, {});
  }
}

function start(
  useFactory: (settings: Settings) => TenancyModuleOptions | Promise<TenancyModuleOptions>,
): Promise<NestFastifyApplication> {
  @Module({
    imports: [
      TenancyModule.forRootAsync({ imports: [SettingsModule], inject: [Settings], useFactory }),
      TenancyModule.forOrm({ entities: widgetEntities }),
    ],
    controllers: [WidgetsController],
  })
  class ShopModule {}
  return NestFactory.create<NestFastifyApplication>(ShopModule, new FastifyAdapter(), {
    logger: false,
    abortOnError: false,
  });
}

const shopOptions = ({ url }: { url: string }): TenancyModuleOptions => ({
  url,
  service: 'shop',
  migrations: widgetMigrations,
  resolver: fromHeader('X-Tenant'),
});

it('takes its options from other providers, also when they come later', async () => {
  const app = await start(async (settings) => {
    await sleep(5);
    return shopOptions(settings);
  });
  await app.listen(0, '127.0.0.1');
  const [id = ''] = freshIds(1);
  await app.get(Tenancy).catalog.create({ id, name: id });
  const get = async (headers: Record<string, string>) =>
    (await fetch(`${await app.getUrl()}/widgets`, { headers })).status;
  expect(await get({ 'x-tenant': id })).toBe(200);
  expect(await get({ 'x-client': id })).toBe(401);
  await app.close();
});

it.each([
  ['an option that there is not', { conections: 5 }, 'The option `conections` is wrong: '],
  ['a value out of range', { connections: 0 }, 'The option `connections` is wrong: '],
  ['a service name that no schema may have', { service: 'My Shop' }, 'The option `service` is wrong: '],
  ['a URL that is none', { url: 'localhost' }, 'The option `url` is wrong: '],
])('refuses to start with %s, by its name', async (_, options, sentence) => {
  const starting = start((settings) => ({ ...shopOptions(settings), ...options }));
  await expect(starting).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
    message: expect.stringContaining(sentence),
  });
});

it('passes on what the factory throws', async () => {
  await expect(start(() => Promise.reject(new Error('no settings')))).rejects.toThrow('no settings');
});
