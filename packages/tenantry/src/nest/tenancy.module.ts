import { MikroOrmModule } from '@mikro-orm/nestjs';
import {
  type DynamicModule,
  Global,
  Inject,
  Logger,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  ApplicationConfig,
  DiscoveryModule,
  DiscoveryService,
  HttpAdapterHost,
  ModulesContainer,
  Reflector,
} from '@nestjs/core';
import type { TenantOrmOptions } from '../orms/mikro-orm/orm-options.js';
import { ScopedDriver } from '../orms/mikro-orm/scoped-driver.js';
import type { ResolvableRequest } from '../resolution/tenant-resolver.js';
import { readinessOf, Tenancy } from '../tenancy.js';
import { type FastifyHooks, openInFastify } from './fastify-hooks.js';
import { ProblemFilter } from './problem.filter.js';
import { refuseSecondModule, refuseSecondOrm, secondOrm } from './refuse-second.js';
import { RequestScopes } from './request-scopes.js';
import { subscribeProviders } from './subscribe-providers.js';
import { TenancyGuard } from './tenancy.guard.js';
import type { TenancyModuleOptions } from './tenancy-module-options.js';
import { tenancyModuleOptions } from './tokens.js';

/**
 * Options of {@link TenancyModule.forRootAsync}.
 *
 * @example
 * const options: TenancyModuleAsyncOptions = { inject: ['DATABASE_URL'], useFactory: (found: string) => ({ url: found }) };
 */
export interface TenancyModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  inject?: never[] | readonly (string | symbol | (new (...args: never[]) => unknown))[];
  useFactory(...dependencies: never[]): TenancyModuleOptions | Promise<TenancyModuleOptions>;
}

/** Makes a Nest application multi-tenant: import it once, at the root. */
@Global()
@Module({})
export class TenancyModule implements NestModule, OnApplicationBootstrap, OnApplicationShutdown {
  readonly #tenancy: Tenancy;
  readonly #scopes: RequestScopes;
  readonly #host: HttpAdapterHost;
  readonly #discovery: DiscoveryService;
  readonly #reflector: Reflector;

  constructor(
    @Inject(Tenancy) tenancy: Tenancy,
    @Inject(RequestScopes) scopes: RequestScopes,
    @Inject(TenancyGuard) guard: TenancyGuard,
    @Inject(ProblemFilter) filter: ProblemFilter,
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
    @Inject(ApplicationConfig) config: ApplicationConfig,
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(Reflector) reflector: Reflector,
  ) {
    this.#tenancy = tenancy;
    this.#scopes = scopes;
    this.#host = host;
    this.#discovery = discovery;
    this.#reflector = reflector;
    // Before Nest reads any of them, be it for a microservice that is connected before the application is ready.
    // In front of the guards of every module: with APP_GUARD those of modules imported earlier would run without a scope.
    config.getGlobalGuards().unshift(guard);
    // Nest asks the last filter first: at the head this one gets what no filter of the service wants.
    config.getGlobalFilters().unshift(filter);
  }

  /**
   * With options that are known at once.
   *
   * @example
   * const imports = [
   *   TenancyModule.forRoot({ url, service: 'inventory', migrations: { '000001-item': ItemMigration }, resolver: fromHeader() }),
   *   TenancyModule.forOrm({ entities: [Item] }),
   * ];
   */
  static forRoot(options: TenancyModuleOptions): DynamicModule {
    return TenancyModule.forRootAsync({ useFactory: () => options });
  }

  /**
   * With options from other providers.
   *
   * @example
   * TenancyModule.forRootAsync({ inject: ['DATABASE_URL'], useFactory: (found: string) => ({ url: found, service: 'inventory' }) });
   */
  static forRootAsync({ imports = [], inject = [], useFactory }: TenancyModuleAsyncOptions): DynamicModule {
    return {
      module: TenancyModule,
      imports: [...imports, DiscoveryModule],
      providers: [
        { provide: tenancyModuleOptions, inject: [...inject], useFactory },
        {
          provide: Tenancy,
          inject: [tenancyModuleOptions, ModulesContainer],
          useFactory: (options: TenancyModuleOptions, modules: ModulesContainer) => {
            refuseSecondModule(modules, TenancyModule);
            return startTenancy(options);
          },
        },
        {
          provide: RequestScopes,
          inject: [Tenancy, tenancyModuleOptions],
          useFactory: (tenancy: Tenancy, { resolver }: TenancyModuleOptions) =>
            new RequestScopes(readinessOf(tenancy), resolver),
        },
        TenancyGuard,
        ProblemFilter,
      ],
      exports: [Tenancy],
    };
  }

  /**
   * MikroORM through the gate: in place of `MikroOrmModule.forRoot()`. An application with several has each but one with a
   * `contextName` of its own.
   *
   * @throws TenancyError `TENANCY_OPTION_INVALID` for an option that is Tenantry's, or a second ORM of the same name.
   * @example
   * TenancyModule.forOrm({ entities: [Item] });
   */
  static async forOrm(options: TenantOrmOptions): Promise<DynamicModule> {
    const { contextName } = options;
    const useFactory = async (tenancy: Tenancy) => {
      try {
        refuseSecondOrm(tenancy, contextName);
        // The scope brings its own EntityManager.
        return { ...tenancy.orm(options), registerRequestContext: false };
      } catch (error) {
        // Nest gives up here, and would leave what was started already running.
        await tenancy.stop();
        throw error;
      }
    };
    try {
      const name = contextName !== undefined && { contextName };
      return await MikroOrmModule.forRootAsync({ ...name, driver: ScopedDriver, inject: [Tenancy], useFactory });
    } catch (error) {
      // MikroORM keeps one list of names for the whole process.
      throw /already registered/.test(String(error)) ? secondOrm(contextName, { cause: error }) : error;
    }
  }

  configure(consumer: MiddlewareConsumer): void {
    const adapter = this.#host.httpAdapter;
    if (adapter.getType() === 'fastify') openInFastify(adapter.getInstance<FastifyHooks>(), this.#scopes);
    else
      consumer
        .apply((request: ResolvableRequest, _: unknown, next: () => void) => void this.#scopes.open(request, next))
        .forRoutes('{*all}');
  }

  async onApplicationBootstrap(): Promise<void> {
    await subscribeProviders(this.#discovery, this.#reflector, this.#tenancy.events);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#tenancy.stop();
  }
}

function startTenancy({ resolver: _resolver, ...options }: TenancyModuleOptions): Promise<Tenancy> {
  return Tenancy.start({ logger: new Logger('Tenancy'), ...options });
}
