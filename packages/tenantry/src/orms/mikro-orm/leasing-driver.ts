import { type DatabaseConnection, PostgresDriver, type TransactionSettings } from 'kysely';

type PooledConnection = Parameters<PostgresDriver['releaseConnection']>[0];

const nothing = () => undefined;

/**
 * Kysely's driver, made to give every connection back. Kysely 0.29 forgets the one of a controlled transaction, which is
 * what MikroORM uses, when its `begin` or its `rollback` fails: after a restart of PostgreSQL none would be left.
 */
export class LeasingDriver extends PostgresDriver {
  override beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return this.#orGiveBack(connection, super.beginTransaction(connection, settings));
  }

  override rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#orGiveBack(connection, super.rollbackTransaction(connection));
  }

  async #orGiveBack(connection: DatabaseConnection, done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (error) {
      // Its other kind of transaction gives it back itself, before the next turn of the event loop. The pool lends each
      // connection as an object of its own, and refuses to take one back twice.
      setImmediate(() => void this.releaseConnection(connection as PooledConnection).catch(nothing));
      throw error;
    }
  }
}
