import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { TenancyError } from '../errors/tenancy-error.js';
import { catalogScopeKey } from './catalog-scope.decorator.js';
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
    if (context.getType() !== 'http') return true;
    const cell = this.#scopes.current();
    if (!cell) throw new TenancyError('TENANCY_SCOPE_MISSING', { what: 'A route' });
    const inCatalog = this.#reflector.getAllAndOverride<boolean | undefined>(catalogScopeKey, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (inCatalog || !this.#tenants) {
      cell.bindCatalog();
      return true;
    }
    return this.#scopes.bindTenant(cell)?.then(() => true) ?? true;
  }
}
