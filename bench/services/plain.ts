import 'reflect-metadata';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Module } from '@nestjs/common';
import { startService } from '@tenantry/host';
import { Item } from '../../apps/inventory/dist/items/item.entity.js';
import { ItemsController } from '../../apps/inventory/dist/items/items.controller.js';
import { ItemsService } from '../../apps/inventory/dist/items/items.service.js';

/**
 * The floor: inventory's own controller, service and entity on MikroORM as its documentation says, with one schema and
 * no tenancy. Same host, same adapter, same size of the pool.
 */
class PlainModule {}
Module({
  imports: [
    MikroOrmModule.forRoot({
      driver: PostgreSqlDriver,
      clientUrl: process.env['DATABASE_URL'] ?? '',
      entities: [Item],
      schema: 'plain',
      pool: {
        max: Number(process.env['POOL_SIZE']),
        idleTimeoutMillis: Number(process.env['POOL_IDLE_MS'] ?? 300_000),
      },
    }),
    MikroOrmModule.forFeature([Item]),
  ],
  controllers: [ItemsController],
  providers: [ItemsService],
})(PlainModule);

await startService({
  name: 'plain',
  port: 0,
  logLevel: 'silent',
  module: PlainModule,
  openApi: { title: 'plain', description: 'floor' },
});
