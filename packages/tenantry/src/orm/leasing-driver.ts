import { type DatabaseConnection, PostgresDriver, type TransactionSettings } from 'kysely';

type PooledConnection = Parameters<PostgresDriver['releaseConnection']>[0];

/**
 * Kysely's driver, made to give every connection back. Kysely 0.29 forgets the one of a controlled transaction, which is
 * what MikroORM uses, when its `begin` or its `rollback` fails: after a restart of PostgreSQL none would be left.
 */
export class LeasingDriver extends PostgresDriver {
  readonly #leases = new WeakMap<DatabaseConnection, symbol>();

  override async acquireConnection(
    options?: Parameters<PostgresDriver['acquireConnection']>[0],
  ): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection(options);
    this.#leases.set(connection, Symbol());
    return connection;
  }

  override beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return this.#orGiveBack(connection, super.beginTransaction(connection, settings));
  }

  override rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#orGiveBack(connection, super.rollbackTransaction(connection));
  }

  override async releaseConnection(connection: PooledConnection): Promise<void> {
    this.#leases.delete(connection);
    await super.releaseConnection(connection);
  }

  async #orGiveBack(connection: DatabaseConnection, done: Promise<void>): Promise<void> {
    const lease = this.#leases.get(connection);
    try {
      await done;
    } catch (error) {
      // Its other kind of transaction gives it back itself, before the next turn of the event loop.
      setImmediate(() => {
        if (lease !== undefined && this.#leases.get(connection) === lease)
          void this.releaseConnection(connection as PooledConnection);
      });
      throw error;
    }
  }
}
