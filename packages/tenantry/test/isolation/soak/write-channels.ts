import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { type Source, textChannels } from './channels.js';
import { Entry } from './entry.js';
import type { Answer } from './history.js';
import { answerOf } from './read-channels.js';
import { writeText } from './texts.js';

/** One way to write rows. */
export interface WriteChannel {
  readonly name: string;
  /** How many rows it writes at once. */
  readonly rows: number;
  write(asked: number, tokens: readonly string[]): Promise<Answer>;
}

/** Every way that a source has to write rows; the first is the plainest. */
export function writeChannels(source: Source): WriteChannel[] {
  const texts = Object.entries(textChannels(source)).map(([name, send]): WriteChannel => ({
    name,
    rows: 1,
    write: async (asked, [token = '']) => answerOf(await send(writeText(asked, token))),
  }));
  if (source.kind === 'client') return [...texts, ...clientWrites(source.client)];
  return source.kind === 'orm' ? [...texts, ...ormWrites(source)] : texts;
}

function clientWrites(client: pg.PoolClient): WriteChannel[] {
  const copy = async (tokens: readonly string[], fails: boolean) => {
    const stream = client.query(copyFrom('copy entry (token) from stdin'));
    const lines = tokens.map((token) => `${token}\n`);
    await pipeline(Readable.from(fails ? failing(lines) : lines), stream);
    return {};
  };
  return [
    {
      name: 'a value',
      rows: 1,
      write: async (_, tokens) => {
        await client.query('insert into entry (token) values ($1)', [...tokens]);
        return {};
      },
    },
    { name: 'copy from', rows: 3, write: (_, tokens) => copy(tokens, false) },
    { name: 'copy from, given up', rows: 3, write: (_, tokens) => copy(tokens, true) },
  ];
}

async function* failing(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
  throw new TypeError('The rows could not be made.');
}

function ormWrites({ em }: Source & { kind: 'orm' }): WriteChannel[] {
  const fork = () => em.fork({ keepTransactionContext: true });
  return [
    {
      name: 'em.flush',
      rows: 2,
      write: async (_, tokens) => {
        const own = fork();
        for (const token of tokens) own.create(Entry, { token });
        await own.flush();
        return {};
      },
    },
    {
      name: 'em.insertMany',
      rows: 2,
      write: async (_, tokens) => {
        await fork().insertMany(
          Entry,
          tokens.map((token) => ({ token })),
        );
        return {};
      },
    },
    {
      name: 'an insert of Kysely',
      rows: 1,
      write: async (_, [token = '']) => {
        await em.getKysely<{ entry: { token: string } }>().insertInto('entry').values({ token }).execute();
        return {};
      },
    },
  ];
}
