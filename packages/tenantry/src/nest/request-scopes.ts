import { currentCell, runInCell } from '../context/current-scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { ResolvableRequest, TenantResolver } from '../resolution/tenant-resolver.js';
import type { Readiness } from '../readiness.js';
import { parseTenantId } from '../tenant/tenant-id.js';
import { RequestCell } from './request-cell.js';

/** Starts a request: an empty cell around all that follows. The guard binds it, once the route is known. */
export class RequestScopes {
  readonly #readiness: Readiness;
  readonly #resolver: TenantResolver | undefined;

  constructor(readiness: Readiness, resolver: TenantResolver | undefined) {
    this.#readiness = readiness;
    this.#resolver = resolver;
  }

  /** Opens a request's cell and calls `next` inside it, once the resolver has answered. */
  open(request: ResolvableRequest, next: () => void): RequestCell {
    const cell = new RequestCell();
    runInCell(cell, () => {
      const resolving = this.#resolve(request, cell);
      // Most resolvers answer without a promise, and then no turn of the event loop is lost.
      if (resolving) void resolving.then(next);
      else next();
    });
    return cell;
  }

  /** The cell of the request that this code belongs to. */
  current(): RequestCell | undefined {
    const cell = currentCell();
    return cell instanceof RequestCell ? cell : undefined;
  }

  /**
   * Binds the request to its tenant.
   *
   * @throws TenancyError why it has none, or why that tenant is not served.
   */
  bindTenant(cell: RequestCell): Promise<void> | undefined {
    if (cell.refusal !== undefined) throw cell.refusal;
    if (cell.tenantId === undefined) {
      throw new TenancyError('TENANCY_TENANT_MISSING', { expected: this.#resolver?.expected ?? 'a tenant' });
    }
    const known = this.#readiness.knownScopeOf(cell.tenantId);
    if (!known) return this.#readiness.scopeOf(cell.tenantId).then((scope) => cell.bind(scope));
    cell.bind(known);
    return undefined;
  }

  #resolve(request: ResolvableRequest, cell: RequestCell): Promise<void> | undefined {
    try {
      const found = this.#resolver?.resolve(request);
      if (found instanceof Promise) return this.#resolveLater(found, cell);
      if (found !== undefined) cell.tenantId = parseTenantId(found);
    } catch (error) {
      cell.refusal = error;
    }
    return undefined;
  }

  async #resolveLater(finding: Promise<string | undefined>, cell: RequestCell): Promise<void> {
    try {
      const found = await finding;
      if (found !== undefined) cell.tenantId = parseTenantId(found);
    } catch (error) {
      cell.refusal = error;
    }
  }
}
