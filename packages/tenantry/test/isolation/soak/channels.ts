import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';

/** What statements go through. */
export type Source =
  | { readonly kind: 'pool'; readonly pool: pg.Pool }
  | { readonly kind: 'client'; readonly client: pg.PoolClient }
  | { readonly kind: 'orm'; readonly em: EntityManager }
  | { readonly kind: 'kysely'; readonly kysely: Kysely<SoakTables> };

/** The tables, for Kysely. */
export interface SoakTables {
  entry: { token: string };
}

/** Rows of an answer, and PostgreSQL's own word for what it did. */
export interface Sent {
  readonly rows: readonly Record<string, unknown>[];
  readonly tag?: string | undefined;
}

/** Sends any statement in one of the ways that libraries have. */
export type TextChannel = (text: string) => Promise<Sent>;

/** The ways that a source has, by name; the first is the plainest. */
export function textChannels(source: Source): Record<string, TextChannel> {
  switch (source.kind) {
    case 'pool':
      return {
        pool: async (text) => sent(await source.pool.query(text)),
        'pool with a callback': (text) => called((callback) => source.pool.query(text, callback)),
      };
    case 'client':
      return clientChannels(source.client);
    case 'orm':
      return ormChannels(source.em);
    default:
      return {
        'raw Kysely': async (text) => ({
          rows: (await sql.raw<Record<string, unknown>>(text).execute(source.kysely)).rows,
        }),
      };
  }
}

type Done = (error: Error | undefined, result: pg.QueryResult) => void;

function clientChannels(client: pg.PoolClient): Record<string, TextChannel> {
  return {
    text: async (text) => sent(await client.query(text)),
    callback: (text) => called((callback) => client.query(text, callback)),
    values: async (text) => sent(await client.query({ text, values: [] })),
    'a name': async (text) => sent(await client.query({ text, name: `soak ${nameOf(text)}` })),
    pages: async (text) => sent(await client.query({ text, rows: pageRows } as pg.QueryConfig)),
    'pg.Query': (text) =>
      called((callback) => client.query(new (pg.Query as unknown as QueryClass)(text, [], callback) as never)),
    'pg.Query, simple': (text) =>
      called((callback) => client.query(new (pg.Query as unknown as QueryClass)(text, undefined, callback) as never)),
    cursor: (text) => readCursor(client, text, Number.MAX_SAFE_INTEGER),
    'a stream': (text) => readStream(() => client.query(new QueryStream(text, [], { batchSize: 20 }))),
  };
}

/** A text has the same name each time, and few others have it. */
function nameOf(text: string): string {
  return createHash('sha1').update(text).digest('hex').slice(0, 8);
}

type QueryClass = new (text: string, values: unknown[] | undefined, callback: Done) => pg.Submittable;

function ormChannels(em: EntityManager): Record<string, TextChannel> {
  return {
    'em.execute': async (text) => ({ rows: await em.execute<Record<string, unknown>[]>(text) }),
    'a stream of the ORM': (text) =>
      readStream(() => em.getConnection().stream<Record<string, unknown>>(text, [], em.getTransactionContext())),
  };
}

const pageRows = 20;

/** Reads a cursor, page by page, and closes it after so many rows. */
export async function readCursor(client: pg.PoolClient, text: string, most: number): Promise<Sent> {
  const cursor = client.query(new Cursor<Record<string, unknown>>(text));
  const rows: Record<string, unknown>[] = [];
  while (rows.length < most) {
    const page = await cursor.read(pageRows);
    rows.push(...page);
    if (page.length < pageRows) break;
  }
  await cursor.close();
  return { rows };
}

/** Reads a stream, and leaves it after so many rows. */
export async function readStream(
  open: () => AsyncIterable<Record<string, unknown>>,
  most = Number.MAX_SAFE_INTEGER,
): Promise<Sent> {
  const rows: Record<string, unknown>[] = [];
  for await (const row of open()) if (rows.push(row) >= most) break;
  return { rows };
}

/** What is called back, as a promise. */
export function called(send: (callback: Done) => void): Promise<Sent> {
  return new Promise((resolve, reject) => {
    send((error, result) => (error ? reject(error) : resolve(sent(result))));
  });
}

function sent(result: pg.QueryResult<Record<string, unknown>>): Sent {
  // A text of several statements has several results.
  const last = Array.isArray(result) ? (result as pg.QueryResult<Record<string, unknown>>[]).at(-1) : result;
  return { rows: last?.rows ?? [], tag: last?.command };
}
