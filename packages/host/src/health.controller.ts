import { MikroORM } from '@mikro-orm/core';
import { Controller, Get, Inject } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, type HealthCheckResult, HealthIndicatorService } from '@nestjs/terminus';
import { CatalogScope } from 'tenantry/nest';

const pingLimitMs = 2_000;

/** For whoever watches the process. Needs no tenant. */
@ApiTags('health')
@CatalogScope()
@Controller('__health')
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  @Get()
  @HealthCheck()
  @ApiOperation({ summary: 'Does the process answer?' })
  process(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  @Get('db')
  @HealthCheck()
  @ApiOperation({ summary: 'Does the database answer within 2 seconds?' })
  database(): Promise<HealthCheckResult> {
    return this.health.check([
      () =>
        this.indicators
          .check('db')
          .attempt(() => this.ping())
          .withTimeout(pingLimitMs),
    ]);
  }

  private async ping(): Promise<void> {
    // Looked up at run time: the service's own module provides it, and this one is imported beside it.
    const orm = this.modules.get(MikroORM, { strict: false });
    await orm.em.getConnection().execute('select 1');
  }
}
