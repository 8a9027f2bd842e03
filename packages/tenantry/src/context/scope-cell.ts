import { TenancyError } from '../errors/tenancy-error.js';
import { catalogScope, type Scope, scopeKey } from './scope.js';

/**
 * Holds the scope of one async execution. A request's cell starts empty and is bound to at most one tenant; a route that
 * turns out to serve no tenant may still drop to the catalog scope, which sees less.
 */
export class ScopeCell {
  #scope: Scope | undefined;
  #belongings = new Map<object, unknown>();

  constructor(scope?: Scope) {
    this.#scope = scope;
  }

  get scope(): Scope | undefined {
    return this.#scope;
  }

  /**
   * Gives an empty cell its scope.
   *
   * @throws TenancyError `TENANCY_SCOPE_BOUND` when the cell has another scope: changing it would split one request over two tenants.
   */
  bind(scope: Scope): void {
    if (this.#scope !== undefined && scopeKey(this.#scope) !== scopeKey(scope)) {
      throw new TenancyError('TENANCY_SCOPE_BOUND', { scope: scopeKey(this.#scope) });
    }
    this.#scope ??= scope;
  }

  /** Leaves the tenant, if any, for the catalog scope. */
  bindCatalog(): void {
    if (this.#scope !== catalogScope) this.#belongings = new Map();
    this.#scope = catalogScope;
  }

  /**
   * Something that `owner` keeps for this scope, as an ORM keeps its forked EntityManager. It is made on first use and
   * goes with the scope.
   */
  belonging<T>(owner: object, make: () => T): T {
    let made = this.#belongings.get(owner) as T | undefined;
    if (made === undefined) {
      made = make();
      this.#belongings.set(owner, made);
    }
    return made;
  }
}
