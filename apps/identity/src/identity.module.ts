import { MikroOrmModule } from '@mikro-orm/nestjs';
import { type DynamicModule, Module } from '@nestjs/common';
import type { TenancyOptions } from 'tenantry';
import { TenancyModule } from 'tenantry/nest';
import { migrations } from './migrations/index.js';
import { User } from './users/user.entity.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';

/** What identity ships: a schema that all tenants share, with the users; each user's row is its tenant's. */
export const tenancyOptions = {
  shared: { schema: 'identity', migrations },
  tenantRows: [{ table: 'identity.user', column: 'id' }],
};

@Module({
  imports: [MikroOrmModule.forFeature([User])],
  controllers: [UsersController],
  providers: [UsersService],
})
export class IdentityModule {
  /** The identity service on the database that `tenancy` names. No resolver: all its routes are in the catalog scope. */
  static forRoot(tenancy: TenancyOptions): DynamicModule {
    return {
      module: IdentityModule,
      imports: [TenancyModule.forRoot({ ...tenancy, ...tenancyOptions }), TenancyModule.forOrm({ entities: [User] })],
    };
  }
}
