import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import type { PlanJson, ReconcileReport } from 'tenantry';
import type { User } from './user.entity.js';
import {
  type CreateUser,
  createUser,
  type MigrateQuery,
  migrateQuery,
  type UpdateUser,
  updateUser,
  userId,
  type UserPage,
  userPage,
} from './user.schema.js';
import { type ServedUser, UsersService } from './users.service.js';

/** What `GET /users/migrate` would do, service by service. */
export interface PlannedMigration {
  readonly plans: readonly PlanJson[];
}

@Controller('users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Post()
  create(@Body({ schema: createUser }) body: CreateUser): Promise<User> {
    return this.users.create(body);
  }

  @Get()
  list(@Query({ schema: userPage }) page: UserPage): Promise<User[]> {
    return this.users.list(page);
  }

  @Get('migrate')
  migrate(@Query({ schema: migrateQuery }) query: MigrateQuery): Promise<ReconcileReport | PlannedMigration> {
    return this.#migrate(query);
  }

  @Post('migrate')
  @HttpCode(200)
  migrateByPost(@Query({ schema: migrateQuery }) query: MigrateQuery): Promise<ReconcileReport | PlannedMigration> {
    return this.#migrate(query);
  }

  @Get(':id')
  get(@Param('id', { schema: userId }) id: string): Promise<User> {
    return this.users.get(id);
  }

  @Patch(':id')
  update(@Param('id', { schema: userId }) id: string, @Body({ schema: updateUser }) body: UpdateUser): Promise<User> {
    return this.users.update(id, body);
  }

  @Post(':id/suspend')
  @HttpCode(200)
  suspend(@Param('id', { schema: userId }) id: string): Promise<ServedUser> {
    return this.users.suspend(id);
  }

  @Post(':id/resume')
  @HttpCode(200)
  resume(@Param('id', { schema: userId }) id: string): Promise<ServedUser> {
    return this.users.resume(id);
  }

  @Delete(':id')
  @HttpCode(204)
  remove(@Param('id', { schema: userId }) id: string): Promise<void> {
    return this.users.remove(id);
  }

  async #migrate({ dryRun }: MigrateQuery): Promise<ReconcileReport | PlannedMigration> {
    return dryRun === 'true' ? { plans: await this.users.planMigration() } : this.users.migrate();
  }
}
