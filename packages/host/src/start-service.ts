import {
  type DynamicModule,
  type INestApplication,
  Module,
  StandardSchemaValidationPipe,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, APP_PIPE, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger as NestPinoLogger, LoggerModule } from 'nestjs-pino';
import type { Logger } from 'pino';
import { ProblemFilter } from 'tenantry/nest';
import { acceptJsonOnly } from './accept-json-only.js';
import { type ApiDescription, serveApiDocs } from './api-docs.js';
import { type Drain, prepareDrain } from './drain.js';
import { HealthModule } from './health.module.js';
import { listen } from './listen.js';
import { onStopSignal } from './on-stop-signal.js';
import { protocolErrorHandlers } from './protocol-errors.js';
import { requireHost } from './require-host.js';
import { logRequests } from './request-log.js';
import { type LogLevel, serviceLogger } from './service-logger.js';
import { within } from './within.js';

export interface ServiceOptions {
  /** Lower case; names the service in logs, and in `INVENTORY_PORT` when its port is taken. */
  readonly name: string;
  /** TCP port; 0 lets the system pick one. */
  readonly port: number;
  /** The address to listen on. Everything but loopback is reachable from outside. @default '127.0.0.1' */
  readonly host?: string;
  /** The service's root module. */
  readonly module: Type | DynamicModule;
  readonly openApi: ApiDescription;
  /** @default 'info' */
  readonly logLevel?: LogLevel;
  /** Larger bodies are answered with 413. @default 1048576 (1 MiB) */
  readonly bodyLimitBytes?: number;
  /** A request that has not fully arrived by then is answered with 408. @default 30000 */
  readonly requestTimeoutMs?: number;
  /** How long requests in flight may take to finish when the service stops. @default 10000 */
  readonly shutdownTimeoutMs?: number;
  /** Called last, after a stop and after a start that failed: the place to stop what was started for the service. */
  readonly onStopped?: () => Promise<void> | void;
}

/** A service that answers. */
export interface RunningService {
  readonly name: string;
  readonly url: string;
  readonly app: INestApplication;
  /** Finishes requests in flight, then closes everything. Calling it again does nothing more. */
  stop(): Promise<void>;
}

const closeLimitMs = 5_000;

/**
 * Starts a Nest application on Fastify as a service process: logs, API description, health, problem details for every
 * error, and a stop on SIGINT or SIGTERM that finishes requests in flight and ends the process with exit code 0.
 *
 * @throws StartupError when the port cannot be used, and whatever the module's own start throws.
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const logger = serviceLogger(options.name, options.logLevel ?? 'info');
  let app: NestFastifyApplication | undefined;
  // Until the service runs, a signal has nothing to finish.
  let stop = async () => options.onStopped?.();
  const forgetSignals = stopAtSignal(() => stop(), logger);
  try {
    app = await createApp(options, logger);
    const fastify = app.getHttpAdapter().getInstance();
    const drain = prepareDrain(fastify);
    logRequests(fastify, logger);
    serveApiDocs(app, options.openApi);
    await app.init();
    const url = await listen(fastify, options);
    stop = stopOnce(app, drain, options, logger, forgetSignals);
    logger.info(`${options.name} answers at ${url}`);
    process.send?.({ ready: { name: options.name, url } });
    return { name: options.name, url, app, stop };
  } catch (error) {
    forgetSignals();
    if (app !== undefined) await within(closeLimitMs, app.close());
    await options.onStopped?.();
    throw error;
  }
}

async function createApp(options: ServiceOptions, logger: Logger): Promise<NestFastifyApplication> {
  const { bodyLimitBytes = 1024 * 1024, requestTimeoutMs = 30_000 } = options;
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    http: {
      connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs),
      // Node exchanges the two limits when this one is the larger, and it is 60 s by default.
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // `requireHost` does it, with a body that says why.
      requireHostHeader: false,
    },
    // A request that arrives while draining on a connection that is still open is answered like any other.
    return503OnClosing: false,
    ...protocolErrorHandlers,
  });
  // Logs of a start that fails stay in the buffer: runMain() reports the error itself, once.
  const app = await NestFactory.create<NestFastifyApplication>(hostModule(options.module, logger), adapter, {
    bufferLogs: true,
    bodyParser: false,
    autoFlushLogs: false,
    abortOnError: false,
  });
  app.useLogger(app.get(NestPinoLogger));
  app.flushLogs();
  requireHost(adapter.getInstance());
  acceptJsonOnly(adapter.getInstance());
  return app;
}

function hostModule(service: Type | DynamicModule, logger: Logger): DynamicModule {
  return {
    module: HostModule,
    imports: [LoggerModule.forRoot({ pinoHttp: { logger, autoLogging: false }, forRoutes: [] }), service, HealthModule],
    providers: [
      { provide: APP_FILTER, useClass: ProblemFilter },
      // Checks what is declared with a schema: `@Body({ schema })`.
      { provide: APP_PIPE, useFactory: () => new StandardSchemaValidationPipe() },
    ],
  };
}

@Module({})
class HostModule {}

function stopAtSignal(stop: () => Promise<void>, logger: Logger): () => void {
  return onStopSignal((reason) => {
    logger.info(`stopping (${reason})`);
    // Something else may still hold the event loop: whoever sent the signal wants the process to end.
    void stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error(error);
        process.exit(1);
      },
    );
  });
}

function stopOnce(
  app: INestApplication,
  { drain }: Drain,
  options: ServiceOptions,
  logger: Logger,
  forgetSignals: () => void,
): () => Promise<void> {
  const { shutdownTimeoutMs = 10_000 } = options;
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    if (!(await drain(shutdownTimeoutMs)))
      logger.warn(`requests were still in flight after ${shutdownTimeoutMs} ms and were cut off`);
    if (!(await within(closeLimitMs, app.close()))) logger.warn(`not everything was closed after ${closeLimitMs} ms`);
    await options.onStopped?.();
    forgetSignals();
    logger.info('stopped');
  };
  return () => (stopped ??= stop());
}
