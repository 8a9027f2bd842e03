import type pg from 'pg';

/** Whatever runs one statement: a connection, or a pool that lends one for it. */
export type Querier = Pick<pg.ClientBase, 'query'>;
