import { MikroOrmModule } from '@mikro-orm/nestjs';
import { type DynamicModule, Module } from '@nestjs/common';
import type { TenancyOptions } from 'tenantry';
import { fromHeader, TenancyModule } from 'tenantry/nest';
import { Item } from './items/item.entity.js';
import { ItemsController } from './items/items.controller.js';
import { ItemsService } from './items/items.service.js';
import { migrations } from './migrations/index.js';

/** What inventory ships: a schema in every tenant, with the items. */
export const tenancyOptions = { service: 'inventory', migrations };

@Module({
  imports: [MikroOrmModule.forFeature([Item])],
  controllers: [ItemsController],
  providers: [ItemsService],
})
export class InventoryModule {
  /** The inventory service on the database that `tenancy` names. */
  static forRoot(tenancy: TenancyOptions): DynamicModule {
    return {
      module: InventoryModule,
      imports: [
        TenancyModule.forRoot({ ...tenancy, ...tenancyOptions, resolver: fromHeader('x-client') }),
        TenancyModule.forOrm({ entities: [Item] }),
      ],
    };
  }
}
