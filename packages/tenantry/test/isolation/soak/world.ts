import type { EntityManager } from '@mikro-orm/postgresql';
import type pg from 'pg';

/** Where random tasks run: behind the gate, or, for twins, without it. */
export interface World {
  readonly tenants: readonly string[];
  /** What serves; at most so many connections as it was given. */
  readonly pool: pg.Pool;
  /** Superuser's connections, past the gate: to disturb, and to look at what is really there. */
  readonly admin: pg.Pool;
  /** The login of {@link pool}. */
  readonly login: string;
  /** The statement timeout of every scope, as PostgreSQL shows it. */
  readonly limit: string | undefined;
  /** Schema of a tenant, and name of its role. */
  schemaOf(tenant: string): string;
  /** Runs code as a tenant. */
  as<T>(tenant: string, fn: () => Promise<T>): Promise<T>;
  /** The EntityManager of the scope that this code runs in, fresh. */
  em(): EntityManager;
  /** Statements that take a tenant's role from the login, and give it back. */
  revoke(tenant: string): readonly string[];
  grant(tenant: string): readonly string[];
  /** Statements that take a tenant away with all its rows, and that make it again, empty. */
  erase(tenant: string): readonly string[];
  create(tenant: string): readonly string[];
  /** Throws all connections away, whatever they do, and begins with new ones. */
  renew(): Promise<void>;
  close(): Promise<void>;
}
