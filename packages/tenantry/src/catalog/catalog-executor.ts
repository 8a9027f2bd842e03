import pg from 'pg';
import { runInScope } from '../context/current-scope.js';
import { catalogScope } from '../context/scope.js';
import type { Querier } from '../postgres/querier.js';
import type { SqlExecutor } from './catalog.js';

/** Runs statements in the catalog scope, whatever scope calls: with `$1` for parameters as `pg` does, or with `?` as an EntityManager does. */
export interface CatalogExecutor extends SqlExecutor, Querier {}

/** @param pool - Of the login that serves. */
export function catalogExecutor(pool: Pick<pg.Pool, 'query'>): CatalogExecutor {
  // In a scope of its own: the catalog is read before a request has a scope, or inside another tenant's.
  const run = (config: pg.QueryConfig) => runInScope(catalogScope, async () => pool.query<pg.QueryResultRow>(config));
  // The pool's own parsers leave times and the like to the ORM as text. The library reads these rows itself, so it
  // takes `pg`'s.
  const query = (text: string, values: unknown[] = []) => run({ text, values, types: pg.types });
  return {
    query: query as unknown as pg.ClientBase['query'],
    async execute(sql, params = []) {
      let position = 0;
      return (await run({ text: sql.replaceAll('?', () => `$${++position}`), values: params })).rows;
    },
  };
}
