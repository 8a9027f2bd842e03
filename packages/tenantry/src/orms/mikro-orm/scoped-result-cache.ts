import { type CacheAdapter, MemoryCacheAdapter } from '@mikro-orm/core';
import { currentScope } from '../../context/current-scope.js';
import { scopeKey } from '../../context/scope.js';
import { TenancyError } from '../../errors/tenancy-error.js';

type CacheClass = new (options: { expiration: number }) => CacheAdapter;

/** What {@link ScopedResultCache} is made with. */
export interface ScopedResultCacheOptions {
  /** Milliseconds. */
  expiration: number;
  /** The adapter that keeps the rows; MikroORM's in-memory one by default. */
  inner?: CacheClass | undefined;
}

/** A cache whose keys carry the scope: a key that code names itself would otherwise serve one tenant's rows to the next. */
export class ScopedResultCache implements CacheAdapter {
  readonly #inner: CacheAdapter;

  constructor({ inner = MemoryCacheAdapter, ...options }: ScopedResultCacheOptions) {
    this.#inner = new inner(options);
  }

  get<T = unknown>(name: string): T | Promise<T | undefined> | undefined {
    return this.#inner.get<T>(inScope(name));
  }

  set(name: string, data: unknown, origin: string, expiration?: number): void | Promise<void> {
    return this.#inner.set(inScope(name), data, origin, expiration);
  }

  remove(name: string): void | Promise<void> {
    return this.#inner.remove(inScope(name));
  }

  clear(): void | Promise<void> {
    return this.#inner.clear();
  }

  close(): void | Promise<void> {
    return this.#inner.close?.();
  }
}

function inScope(name: string): string {
  const scope = currentScope();
  if (!scope) throw new TenancyError('TENANCY_SCOPE_MISSING', { what: 'The result cache' });
  return `${scopeKey(scope)}|${name}`;
}
