import type { EntityManager } from '@mikro-orm/postgresql';
import { CompiledQuery, type Kysely } from 'kysely';

/** Runs one statement on a connection that was picked before; it leaves in whatever scope calls it. */
export type RunSql = (sql: string) => Promise<unknown[]>;

/** Ways to run one statement on it. */
export interface OneConnection {
  readonly run: RunSql;
  /** Through a cursor, which brings its own messages. */
  readonly stream: RunSql;
}

/** Keeps one pooled connection for several statements, outside a transaction, as code with Kysely can. */
export function onOneConnection<T>(em: EntityManager, fn: (one: OneConnection) => Promise<T>): Promise<T> {
  const kysely: Kysely<unknown> = em.getKysely();
  return kysely.connection().execute((connection) =>
    fn({
      run: async (sql) => (await connection.executeQuery(CompiledQuery.raw(sql))).rows,
      stream: async (sql) => {
        const rows: unknown[] = [];
        for await (const row of connection.getExecutor().stream(CompiledQuery.raw(sql), 100)) rows.push(...row.rows);
        return rows;
      },
    }),
  );
}
