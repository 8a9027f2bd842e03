import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { catalogScopeKey } from './catalog-scope.decorator.js';
import type { RequestCell } from './request-cell.js';
import { RequestScopes } from './request-scopes.js';
import { tenancyModuleOptions } from './tokens.js';
import type { TenancyModuleOptions } from './tenancy-module-options.js';

/** Decides between tenant and catalog, once the route is known, and refuses a request whose tenant is not served. */
@Injectable()
export class TenancyGuard implements CanActivate {
  readonly #scopes: RequestScopes;
  readonly #reflector: Reflector;
  readonly #tenants: boolean;

  constructor(
    @Inject(RequestScopes) scopes: RequestScopes,
    @Inject(Reflector) reflector: Reflector,
    @Inject(tenancyModuleOptions) { resolver }: TenancyModuleOptions,
  ) {
    this.#scopes = scopes;
    this.#reflector = reflector;
    this.#tenants = resolver !== undefined;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const transport = context.getType<string>();
    // A message of a queue or a socket is no request: nobody resolved its tenant, and it runs as nobody.
    if (transport !== 'http' && transport !== 'graphql') return true;
    const cell = this.#scopes.current();
    if (!cell) {
      // What a GraphQL subscription sends arrives over a socket too.
      if (transport === 'graphql') return true;
      throw new TenancyError('TENANCY_SCOPE_MISSING', { what: 'A route' });
    }
    const inCatalog = this.#reflector.getAllAndOverride<boolean | undefined>(catalogScopeKey, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (!inCatalog && this.#tenants) return this.#scopes.bindTenant(cell)?.then(() => true) ?? true;
    if (transport === 'graphql') refuseToLeaveTenant(cell);
    cell.bindCatalog();
    return true;
  }
}

/** One operation has many resolvers, at the same time: what one asks for must not take the others' tenant away. */
function refuseToLeaveTenant({ scope }: RequestCell): void {
  if (scope?.kind === 'tenant') throw new TenancyError('TENANCY_SCOPE_BOUND', { scope: scopeKey(scope) });
}
