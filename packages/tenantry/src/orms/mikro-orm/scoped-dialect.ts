import { PostgresDialect, type PostgresDialectConfig, type PostgresPool } from 'kysely';
import pg from 'pg';
import Cursor from 'pg-cursor';
import { currentScope } from '../../context/current-scope.js';
import { TenancyError } from '../../errors/tenancy-error.js';
import type { ScopedPool } from '../../isolation/scoped-pool.js';
import { LeasingDriver } from './leasing-driver.js';

/** Kysely, and so MikroORM, on the process's one pool. */
export function scopedDialect(pool: ScopedPool): PostgresDialect {
  const borrowed: PostgresPool = {
    // This refuses SQL without an entity too: code that has no scope must not run as the catalog.
    connect: () => (currentScope() ? pool.connect() : Promise.reject(scopeMissing())),
    // The pool outlives an ORM: the catalog and other ORMs of this process use it too.
    end: async () => undefined,
    options: pool.options,
  };
  // Cancelling asks PostgreSQL about another backend, which a tenant role may not: it needs a client without the gate.
  return new ScopedDialect({ pool: borrowed, cursor: Cursor, controlClient: pg.Client });
}

const scopeMissing = () => new TenancyError('TENANCY_SCOPE_MISSING', { what: 'A statement of the ORM' });

class ScopedDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig;

  constructor(config: PostgresDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): LeasingDriver {
    return new LeasingDriver(this.#config);
  }
}
