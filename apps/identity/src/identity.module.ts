import { MikroOrmModule } from '@mikro-orm/nestjs';
import { type DynamicModule, Module } from '@nestjs/common';
import type { TenancyOptions } from 'tenantry';
import { TenancyModule } from 'tenantry/nest';
import { migrations } from './migrations/index.js';
import { User } from './users/user.entity.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';

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
      imports: [
        TenancyModule.forRoot({ ...tenancy, shared: { schema: 'identity', migrations } }),
        TenancyModule.forOrm({ entities: [User] }),
      ],
    };
  }
}
