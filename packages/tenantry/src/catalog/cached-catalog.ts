import { LRUCache } from 'lru-cache';
import type { Tenant, TenantStatus } from '../tenant/tenant.js';
import type { TenantId } from '../tenant/tenant-id.js';
import type { Catalog, SqlExecutor, TenantEntry } from './catalog.js';

/** How many answers are kept and for how long. */
export interface CatalogCacheOptions {
  /** Most tenants kept, known and unknown together. */
  readonly max: number;
  /** Milliseconds an answer is good for when no notification arrives. */
  readonly ttlMs: number;
  /** The same for "there is no such tenant". */
  readonly negativeTtlMs: number;
}

const unknown = Symbol('unknown tenant');

/**
 * Remembers answers of another catalog, also "there is no such tenant", and asks once when many ask together. An answer
 * that was asked for before a {@link CachedCatalog.forget} is given to those who waited, but not remembered.
 */
export class CachedCatalog implements Catalog {
  readonly #source: Catalog;
  readonly #options: CatalogCacheOptions;
  readonly #answers: LRUCache<TenantId, TenantEntry | typeof unknown>;
  readonly #asking = new Map<TenantId, Promise<TenantEntry | undefined>>();

  constructor(source: Catalog, options: CatalogCacheOptions) {
    this.#source = source;
    this.#options = options;
    this.#answers = new LRUCache({ max: options.max, ttl: options.ttlMs });
  }

  find(id: TenantId): Promise<TenantEntry | undefined> {
    const known = this.#answers.get(id);
    if (known !== undefined) return Promise.resolve(known === unknown ? undefined : known);
    return this.#asking.get(id) ?? this.#ask(id);
  }

  /** The answer, when it is known without asking. */
  peek(id: TenantId): TenantEntry | undefined {
    const known = this.#answers.get(id);
    return known === unknown ? undefined : known;
  }

  /** Drops what is known about one tenant, or about all. */
  forget(id?: TenantId): void {
    if (id === undefined) {
      this.#answers.clear();
      this.#asking.clear();
    } else {
      this.#answers.delete(id);
      this.#asking.delete(id);
    }
  }

  list(page?: { after?: TenantId; limit?: number }): Promise<Tenant[]> {
    return this.#source.list(page);
  }

  create(tenant: { id: string; name: string }, within?: SqlExecutor): Promise<Tenant> {
    return this.#forgetting(tenant.id, this.#source.create(tenant, within));
  }

  rename(id: string, name: string, within?: SqlExecutor): Promise<Tenant> {
    return this.#forgetting(id, this.#source.rename(id, name, within));
  }

  setStatus(id: string, status: TenantStatus, within?: SqlExecutor): Promise<Tenant> {
    return this.#forgetting(id, this.#source.setStatus(id, status, within));
  }

  async #forgetting<T>(id: string, change: Promise<T>): Promise<T> {
    try {
      return await change;
    } finally {
      this.forget(id as TenantId);
    }
  }

  #ask(id: TenantId): Promise<TenantEntry | undefined> {
    const asking = this.#source.find(id).then(
      (entry) => {
        if (this.#asking.get(id) === asking) this.#remember(id, entry);
        return entry;
      },
      (error: unknown) => {
        if (this.#asking.get(id) === asking) this.#asking.delete(id);
        throw error;
      },
    );
    this.#asking.set(id, asking);
    return asking;
  }

  #remember(id: TenantId, entry: TenantEntry | undefined): void {
    this.#asking.delete(id);
    if (entry === undefined) this.#answers.set(id, unknown, { ttl: this.#options.negativeTtlMs });
    // A tenant that still gets its schema is asked for again: provisioning may end at any moment, also without a notification.
    else if (entry.placement || entry.tenant.status !== 'active') this.#answers.set(id, entry);
  }
}
