import type { EntityManager } from '@mikro-orm/postgresql';
import { CompiledQuery, type Kysely } from 'kysely';

/** Runs one statement on a connection that was picked before; it leaves in whatever scope calls it. */
export type RunSql = (sql: string) => Promise<unknown[]>;

/** Keeps one pooled connection for several statements, outside a transaction, as code with Kysely can. */
export function onOneConnection<T>(em: EntityManager, fn: (run: RunSql) => Promise<T>): Promise<T> {
  const kysely: Kysely<unknown> = em.getKysely();
  return kysely
    .connection()
    .execute((connection) => fn(async (sql) => (await connection.executeQuery(CompiledQuery.raw(sql))).rows));
}
