import 'reflect-metadata';
import { MikroORM, RequestContext } from '@mikro-orm/core';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Inject, type MiddlewareConsumer, Module } from '@nestjs/common';
import { startService } from '@tenantry/host';
import type { IncomingMessage } from 'node:http';
import { Item } from '../../apps/inventory/dist/items/item.entity.js';
import { ItemsController } from '../../apps/inventory/dist/items/items.controller.js';
import { ItemsService } from '../../apps/inventory/dist/items/items.service.js';

/**
 * The control: the app of `plain.ts`, still without tenancy, but each request names the schema of its statements. What it
 * loses against `plain` is the price of many tables, which PostgreSQL asks of whoever uses them.
 */
class SpreadModule {
  readonly #orm: MikroORM;

  constructor(orm: MikroORM) {
    this.#orm = orm;
  }

  configure(consumer: MiddlewareConsumer): void {
    const inSchema = ({ headers }: IncomingMessage, _: unknown, next: () => void) =>
      RequestContext.create(this.#orm.em, next, { schema: `${String(headers['x-client'])}_inventory` });
    consumer.apply(inSchema).forRoutes('{*all}');
  }
}
Inject(MikroORM)(SpreadModule, undefined, 0);
Module({
  imports: [
    MikroOrmModule.forRoot({
      driver: PostgreSqlDriver,
      clientUrl: process.env['DATABASE_URL'] ?? '',
      entities: [Item],
      pool: {
        max: Number(process.env['POOL_SIZE']),
        idleTimeoutMillis: Number(process.env['POOL_IDLE_MS'] ?? 300_000),
      },
      registerRequestContext: false,
    }),
    MikroOrmModule.forFeature([Item]),
  ],
  controllers: [ItemsController],
  providers: [ItemsService],
})(SpreadModule);

await startService({
  name: 'spread',
  port: 0,
  logLevel: 'silent',
  module: SpreadModule,
  openApi: { title: 'spread', description: 'control' },
});
