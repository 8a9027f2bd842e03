import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { type Sent, type Source, type TextChannel, readCursor, readStream, textChannels } from './channels.js';
import { Entry } from './entry.js';
import type { Answer } from './history.js';
import { readRowsText, readText } from './texts.js';

/** One way to read a tenant's rows. */
export interface ReadChannel {
  readonly name: string;
  /** Whether it may stop before the last row. */
  readonly partial?: boolean;
  read(asked: number, table?: string): Promise<Answer>;
}

/** Every way that a source has to read rows; the first is the plainest. */
export function readChannels(source: Source): ReadChannel[] {
  const texts = Object.entries(textChannels(source)).map(([name, send]) => ofText(name, send));
  if (source.kind === 'client') return [...texts, ...clientReads(source.client)];
  return source.kind === 'orm' ? [...texts, ...ormReads(source)] : texts;
}

const pages = new Set(['cursor', 'a stream', 'a stream of the ORM', 'pages']);

function ofText(name: string, send: TextChannel): ReadChannel {
  const text = pages.has(name) ? readRowsText : readText;
  return { name, read: async (asked, table) => answerOf(await send(text(asked, table))) };
}

function clientReads(client: pg.PoolClient): ReadChannel[] {
  return [
    {
      name: 'a cursor closed early',
      partial: true,
      read: async (asked, table) => answerOf(await readCursor(client, readRowsText(asked, table), 1)),
    },
    {
      name: 'copy to',
      read: async (asked, table) => answerOf(await readCopy(client, readRowsText(asked, table))),
    },
  ];
}

function ormReads({ em }: Source & { kind: 'orm' }): ReadChannel[] {
  const stream = (text: string) =>
    em.getConnection().stream<Record<string, unknown>>(text, [], em.getTransactionContext(), undefined, 2);
  return [
    {
      name: 'em.find',
      read: async () => ({ tokens: (await em.fork({ keepTransactionContext: true }).find(Entry, {})).map(tokenOf) }),
    },
    {
      name: 'a query of Kysely',
      read: async () => {
        const rows = await em.getKysely<{ entry: { token: string } }>().selectFrom('entry').select('token').execute();
        return { tokens: rows.map(tokenOf) };
      },
    },
    {
      name: 'em.stream',
      read: async () => {
        const tokens: string[] = [];
        for await (const entry of em.fork({ keepTransactionContext: true }).stream(Entry, {}))
          tokens.push(tokenOf(entry));
        return { tokens };
      },
    },
    {
      name: 'a stream left early',
      partial: true,
      read: async (asked, table) => answerOf(await readStream(() => stream(readRowsText(asked, table)), 1)),
    },
  ];
}

const columns = ['token', 'role', 'backend', 'asked', 'level', 'limit', 'leak'];

async function readCopy(client: pg.PoolClient, text: string): Promise<Sent> {
  const stream = client.query(copyTo(`copy (${text}) to stdout`));
  let copied = '';
  for await (const chunk of stream) copied += String(chunk);
  const lines = copied.split('\n').filter((line) => line !== '');
  const rows = lines.map((line) =>
    Object.fromEntries(line.split('\t').map((cell, at) => [columns[at], cell === '\\N' ? null : cell])),
  );
  return { rows };
}

/** What the rows of `readText`, `readRowsText`, `writeText` or `deleteText` say. */
export function answerOf({ rows, tag }: Sent): Answer {
  const [first] = rows;
  const all = first && 'tokens' in first;
  const tokens = all
    ? shown(first['tokens'] ?? '').split(' ')
    : rows.flatMap(({ token }) => (token === null || token === undefined ? [] : [shown(token)]));
  const text = (name: string) => (first?.[name] === undefined ? {} : { [name]: shown(first[name]) });
  return {
    tokens: tokens.filter((token) => token !== ''),
    ...['role', 'asked', 'level', 'limit', 'leak'].reduce((known, name) => ({ ...known, ...text(name) }), {}),
    ...(first?.['backend'] !== undefined && { backend: Number(first['backend']) }),
    ...(tag !== undefined && { tag }),
  };
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function tokenOf({ token }: { token: string }): string {
  return token;
}
