import { once } from 'node:events';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import type { Hand } from './hand.js';
import { marked } from './statement-model.js';

/** One thing that a tenant's code does with its connection; the promise is for those who wait for it. */
export type Step = (hand: Hand) => Promise<unknown>;

const statement =
  (text: string): Step =>
  (hand) =>
    hand.statement(text);

/** Sends and goes on without waiting. */
const unawaited =
  (step: Step): Step =>
  async (hand) =>
    void step(hand);

/**
 * A cursor that reads one row and stays open, or all of them and is closed. When its connection has gone it waits for ever
 * on plain `pg` too (`pg-cursor` 2.22), so here it is told.
 */
const cursor =
  (text: string, keep = false): Step =>
  async (hand) => {
    let opened: Cursor;
    try {
      opened = hand.submit(new Cursor(hand.mark(text).text));
    } catch {
      return;
    }
    const orGone = (answer: Promise<unknown>) => Promise.race([answer, hand.gone]);
    const read = hand.inScope(() => opened.read(keep ? 1 : 100));
    const rows = await hand.track('read', orGone(read));
    if (rows && keep) hand.holding = true;
    else await hand.track('close', orGone(hand.inScope(() => opened.close())));
  };

/** The same as an object that submits itself. */
const object =
  (text: string): Step =>
  async (hand) => {
    const query = new pg.Query<{ value: string }>(hand.mark(text).text);
    query.on('error', () => undefined);
    const ended = hand.track('query object', once(query as unknown as NodeJS.EventEmitter, 'end'));
    try {
      hand.submit(query);
    } catch (error) {
      query.emit('error', error);
    }
    await ended;
  };

const select: Step = (hand) => hand.select((text) => hand.client.query(text));

const byCallback: Step = (hand) =>
  hand.select(
    (text) =>
      new Promise((resolve, reject) => {
        hand.client.query(text, (error: Error | null, result: pg.QueryResult) =>
          error ? reject(error) : resolve(result),
        );
      }),
  );

const paged: Step = (hand) => hand.select((text) => hand.client.query({ text, rows: 1 } as pg.QueryConfig), 3);

const copyOut: Step = async (hand) => {
  const stream = copyTo(hand.mark('copy widget to stdout').text);
  stream.on('error', () => undefined);
  const ended = hand.track('copy out', once(stream, 'end'));
  try {
    hand.submit(stream);
    stream.resume();
  } catch (error) {
    stream.emit('error', error);
  }
  await ended;
};

const copyIn =
  (fails: boolean): Step =>
  async (hand) => {
    const stream = copyFrom(hand.mark('copy widget from stdin').text);
    stream.on('error', () => undefined);
    const ended = hand.track('copy in', once(stream, fails ? 'close' : 'finish'));
    try {
      hand.submit(stream);
      stream.write('1\n');
      if (fails) stream.destroy(new Error('changed my mind'));
      else stream.end();
    } catch (error) {
      stream.emit('error', error);
    }
    await ended;
  };

/** The same with something else in it than it shows: that must not run, and nobody waits for it. */
const liar: Step = async (hand) => {
  const query = new pg.Query(hand.mark('select 1').text);
  query.on('error', () => undefined);
  const hidden = marked('nobody', 'hidden', 'select 1');
  const submit = (connection: { query(text: string): void }) => connection.query(hidden);
  hand.submit(Object.assign(query, { submit }));
};

/** A message of one's own, past the client. */
const aside: Step = async (hand) => {
  const { connection } = hand.client as unknown as { connection: { query(text: string): void } };
  hand.inScope(() => connection.query(marked('nobody', 'aside', 'select 1')));
};

/** A statement with a name: prepared once, as far as its caller knows. */
const named: Step = async (hand) => {
  const { text } = hand.mark('select 1');
  await hand.track(
    'named',
    hand.inScope(() => hand.client.query({ name: `n${text.length}`, text })),
  );
};

/** Code of another tenant got hold of this connection. */
const stray: Step = (hand) =>
  hand.track(
    'stray select',
    hand.inScope(() => hand.client.query(marked('b', 'stray', "select 'stray' as value", true)), 'b'),
  );

/** What a tenant's code can do, by name. */
export const steps = {
  select,
  'select unawaited': unawaited(select),
  begin: statement('begin'),
  'begin unawaited': unawaited(statement('begin')),
  serializable: statement('begin isolation level serializable'),
  'serializable unawaited': unawaited(statement('begin isolation level serializable')),
  commit: statement('commit'),
  rollback: statement('rollback'),
  insert: (hand: Hand) => hand.write(),
  fails: statement('select 1/0'),
  'fails unawaited': unawaited(statement('select 1/0')),
  savepoint: statement('savepoint s'),
  'rollback to': statement('rollback to s'),
  'set local role': statement('set local role b_shop'),
  'function sets role': statement("select leave_for('b_shop')"),
  'commit and chain': statement('commit and chain'),
  'set session': statement('set a.b = 1'),
  'set local': statement('set local.leak = 1'),
  call: statement('call p()'),
  'function deallocates': statement('select lose_prepared()'),
  'copy as text': statement('copy widget from stdin'),
  'by callback': byCallback,
  paged,
  named,
  'two at once': statement('select 1; select 2'),
  stray,
  'object that lies': liar,
  'message of its own': aside,
  'object deallocates': object('deallocate all'),
  object: object("select '%' as value"),
  'object sets role': object('set local role b_shop'),
  cursor: cursor("select '%' as value from rows(3)"),
  'cursor left open': cursor("select '%' as value from rows(3)", true),
  'cursor sets role': cursor('set local role b_shop'),
  'cursor chains': cursor('commit and chain'),
  'cursor listens': cursor('listen c'),
  'cursor with hold': cursor('declare h cursor with hold for select 1'),
  'cursor copies': cursor('copy widget to stdout'),
  'copy out': copyOut,
  'copy in': copyIn(false),
  'copy in fails': copyIn(true),
} satisfies Record<string, Step>;

/** Name of one of {@link steps}. */
export type StepName = keyof typeof steps;
