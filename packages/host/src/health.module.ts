import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';

/** `GET /__health` and `GET /__health/db`. {@link startService} imports it. */
@Module({
  // Terminus would log every failed probe; the request log already has its 503.
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
})
export class HealthModule {}
