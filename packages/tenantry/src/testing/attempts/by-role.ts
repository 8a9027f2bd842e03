import type { EntityManager } from '@mikro-orm/postgresql';
import { quoteLiteral } from '../../postgres/quote.js';
import { type Attempt, reached } from '../attempt.js';
import { type Ground, inFrom, readsForeign, rolledBack } from '../ground.js';

/** Ways for one injected statement to become another role and read, all in itself. */
const alone: Readonly<Record<string, (ground: Ground) => string>> = {
  'switch role inside one select': ({ to }) =>
    `select set_config('role', ${quoteLiteral(to.schema)}, true), query_to_xml('select * from ${to.table} limit 1', true, false, '')`,
  'switch role in a do block': ({ to }) =>
    `do $probe$ begin execute 'set local role "${to.schema}"'; execute 'select * from ${to.table} limit 1'; end $probe$`,
  'stack a statement that switches role': ({ to }) =>
    `select 1; set local role "${to.schema}"; select * from ${to.table} limit 1`,
  'stack a statement after a comment': ({ to }) => `select 1 /* ; */; select * from ${to.table} -- `,
};

/** Ways to become another role, or nobody, before the next statement of the same transaction. */
const before: Readonly<Record<string, (ground: Ground) => string>> = {
  'set local role, then select': ({ to }) => `set local role "${to.schema}"`,
  'set role, then select': ({ to }) => `set role "${to.schema}"`,
  'set_config of the role, then select': ({ to }) => `select set_config('role', ${quoteLiteral(to.schema)}, true)`,
  'reset role, then select': () => 'reset role',
  'set local role none, then select': () => 'set local role none',
  'set session authorization, then select': () => 'set local session authorization default',
  'set local search_path, then select': ({ to }) => `set local search_path to "${to.schema}"`,
};

export const byRole: readonly Attempt[] = [
  ...Object.entries(alone).map(([name, sql]) => ({
    name,
    tryIt: (ground: Ground) =>
      inFrom(ground, (em) => rolledBack(em, (inner) => reached(`ran: ${sql(ground)}`, inner.execute(sql(ground))))),
  })),
  ...Object.entries(before).flatMap(([name, sql]) => [
    { name, tryIt: (ground: Ground) => thenRead(ground, (em) => em.execute(sql(ground))) },
    // A cursor brings its own messages.
    {
      name: `${name}, the first through a stream`,
      tryIt: (ground: Ground) => thenRead(ground, (em) => fetchAll(em, sql(ground))),
    },
  ]),
  {
    name: 'set local role, commit and chain, then select',
    tryIt: (ground) =>
      inFrom(ground, (em) =>
        rolledBack(em, async (inner) => {
          await inner.execute(`set local role "${ground.to.schema}"`);
          await inner.execute('commit and chain');
          return selectFrom(ground, inner);
        }),
      ),
  },
  {
    name: 'set local role before a savepoint, roll back to it, then select',
    tryIt: (ground) =>
      inFrom(ground, (em) =>
        rolledBack(em, async (inner) => {
          await inner.execute(`set local role "${ground.to.schema}"`);
          await inner.execute('savepoint probe');
          await inner.execute('rollback to savepoint probe');
          return selectFrom(ground, inner);
        }),
      ),
  },
  {
    name: 'set local role, then open a cursor',
    tryIt: (ground) =>
      inFrom(ground, (em) =>
        rolledBack(em, async (inner) => {
          await inner.execute(`set local role "${ground.to.schema}"`);
          return reached(`streamed ${ground.to.table}`, fetchAll(inner, `select * from ${ground.to.table} limit 1`));
        }),
      ),
  },
];

/** First by the table's bare name, where only the path decides; then by its full one. */
async function thenRead(ground: Ground, become: (em: EntityManager) => Promise<unknown>): Promise<string | undefined> {
  const after = (read: (em: EntityManager) => Promise<string | undefined>) =>
    inFrom(ground, (em) =>
      rolledBack(em, async (inner) => {
        await become(inner);
        return read(inner);
      }),
    );
  const byBareName = after((em) => readsForeign(ground, (text) => em.execute(text), ground.table)).catch(
    () => undefined,
  );
  return (await byBareName) ?? after((em) => selectFrom(ground, em));
}

function selectFrom({ to }: Ground, em: EntityManager): Promise<string> {
  return reached(`read ${to.table}`, em.execute(`select * from ${to.table} limit 1`));
}

async function fetchAll(em: EntityManager, sql: string): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const row of em.getConnection().stream(sql, [], em.getTransactionContext())) rows.push(row);
  return rows;
}
