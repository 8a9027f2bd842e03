import { currentCell, runInCell } from '../context/current-scope.js';
import { ScopeCell } from '../context/scope-cell.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { ResolvableRequest, TenantResolver } from '../resolution/tenant-resolver.js';
import type { Tenancy } from '../tenancy.js';
import { parseTenantId, type TenantId } from '../tenant/tenant-id.js';

/** A request's cell, and what its resolver found. */
export interface RequestScope {
  readonly cell: ScopeCell;
  tenantId: TenantId | undefined;
  /** Why the request has no tenant; thrown where a route needs one. */
  refusal: unknown;
}

const scopes = new WeakMap<ScopeCell, RequestScope>();

/** Starts a request: an empty cell around all that follows, bound at once when the tenant is known already. */
export class RequestScopes {
  readonly #tenancy: Tenancy;
  readonly #resolver: TenantResolver | undefined;

  constructor(tenancy: Tenancy, resolver: TenantResolver | undefined) {
    this.#tenancy = tenancy;
    this.#resolver = resolver;
  }

  /** Opens a request's scope and calls `next` inside it, once the resolver has answered. */
  open(request: ResolvableRequest, next: () => void): RequestScope {
    const cell = new ScopeCell();
    const scope: RequestScope = { cell, tenantId: undefined, refusal: undefined };
    scopes.set(cell, scope);
    runInCell(cell, () => {
      void this.#resolve(request, scope).then(next);
    });
    return scope;
  }

  /** The scope of the request that this code belongs to. */
  current(): RequestScope | undefined {
    const cell = currentCell();
    return cell && scopes.get(cell);
  }

  /**
   * Binds the request to its tenant.
   *
   * @throws TenancyError why it has none, or why that tenant is not served.
   */
  async bindTenant(scope: RequestScope): Promise<void> {
    if (scope.refusal !== undefined) throw scope.refusal;
    if (scope.tenantId === undefined) {
      throw new TenancyError('TENANCY_TENANT_MISSING', { expected: this.#resolver?.expected ?? 'a tenant' });
    }
    if (scope.cell.scope?.kind !== 'tenant') scope.cell.bind(await this.#tenancy.scopeOf(scope.tenantId));
  }

  async #resolve(request: ResolvableRequest, scope: RequestScope): Promise<void> {
    try {
      const found = await this.#resolver?.resolve(request);
      if (found === undefined) return;
      scope.tenantId = parseTenantId(found);
      const known = this.#tenancy.knownScopeOf(scope.tenantId);
      if (known) scope.cell.bind(known);
    } catch (error) {
      scope.refusal = error;
    }
  }
}
