import { AsyncResource } from 'node:async_hooks';
import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantId } from '../tenant/tenant-id.js';

type Turn = (error?: TenancyError) => void;

interface Share {
  held: number;
  readonly waiting: Set<Turn>;
}

/** How many connections each tenant has, so that one tenant's burst waits for itself and not in front of everybody. */
export class TenantShares {
  readonly #most: number;
  readonly #timeoutMs: number;
  readonly #shares = new Map<TenantId, Share>();

  /**
   * @param most - Connections that one tenant may have at the same time.
   * @param timeoutMs - Milliseconds that a statement waits for its tenant's share.
   */
  constructor(most: number, timeoutMs: number) {
    this.#most = most;
    this.#timeoutMs = timeoutMs;
  }

  /** Tenants that have a connection now: nobody else takes memory. */
  get tenants(): number {
    return this.#shares.size;
  }

  /** Calls back in the caller's own async context: at once, or when another connection of the tenant was given back. */
  enter(tenant: TenantId, callback: Turn): void {
    const share = this.#shares.get(tenant) ?? { held: 0, waiting: new Set() };
    this.#shares.set(tenant, share);
    if (share.held < this.#most) {
      share.held++;
      callback();
      return;
    }
    const bound = AsyncResource.bind(callback);
    const turn: Turn = (error) => {
      clearTimeout(timer);
      share.waiting.delete(turn);
      bound(error);
    };
    const timer = setTimeout(() => {
      const fields = { tenant, connectionsPerTenant: this.#most, acquireTimeoutMs: this.#timeoutMs };
      turn(new TenancyError('TENANCY_TENANT_OVERLOADED', fields));
    }, this.#timeoutMs);
    share.waiting.add(turn);
  }

  /** Gives a connection back, and lets the statement of this tenant go on that has waited longest. */
  leave(tenant: TenantId): void {
    const share = this.#shares.get(tenant);
    if (!share) return;
    const [next] = share.waiting;
    if (next) next();
    else if (--share.held === 0) this.#shares.delete(tenant);
  }
}
