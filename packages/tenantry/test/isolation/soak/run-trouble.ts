import { channelAt, type Line, onLine, readOn, sendOn, type TaskRun } from './line.js';
import { answerOf } from './read-channels.js';
import type { Leaf } from './steps.js';
import { orphanText, readRowsText } from './texts.js';

type TroubleLeaf = Extract<Leaf, { kind: 'trouble' }>;

/** What may change a transaction, or end it, or nothing at all. */
export async function runTrouble(run: TaskRun, line: Line, leaf: TroubleLeaf, other: string): Promise<void> {
  const schema = run.world.schemaOf(other);
  const [name, channel] = channelAt(run, line, leaf.how);
  const by = (text: string) =>
    onLine(run, line, ['other', `${text} by ${name}`], async () => {
      await channel(text);
    });
  switch (leaf.what) {
    case 'role':
      return void (await by(`set local role ${schema}`));
    case 'path':
      return void (await by(`set local search_path to ${schema}`));
    case 'become':
      return void (await by(`select become('${schema}')`));
    case 'limits':
      return void (await sendOn(run, line, 'limits', 'set local statement_timeout = 1234'));
    case 'fail':
      return void (await by('select 1 / 0'));
    case 'lock':
      // Of this task alone: a lock that others wait for would only make them wait.
      return void (await by(`select pg_advisory_xact_lock(${run.task}, ${run.history.nextId})`));
    case 'try lock':
      return void (await by(`select pg_try_advisory_xact_lock(${leaf.other})`));
    case 'commit':
    case 'rollback':
      return void (await sendOn(run, line, leaf.what, leaf.what));
    case 'nonsense':
      return nonsense(run, line, leaf.how);
    case 'procedure':
      return procedure(run, line, leaf.how);
    case 'cross':
      return cross(run, line, leaf, schema);
    case 'cursor':
      return cursor(run, line);
    case 'orphan':
      return orphan(run, line, leaf.how);
    case 'held cursor':
      return leftovers(run, line, 'fetch all from held');
    case 'held statement':
      return leftovers(run, line, 'execute held');
    default:
      return slow(run, line, leaf.what);
  }
}

/** What no library should send, and some code does. */
async function nonsense(run: TaskRun, line: Line, how: number): Promise<void> {
  const things: unknown[] = [
    undefined,
    null,
    {},
    { text: null },
    { text: 'select 1\0; select 2' },
    7,
    'select',
    'selec',
  ];
  const thing = things[how % things.length];
  const { source } = line;
  await onLine(run, line, ['other', `nonsense: ${JSON.stringify(thing)}`], async () => {
    if (source.kind === 'client') await source.client.query(thing as string);
    else if (source.kind === 'pool') await source.pool.query(thing as string);
    else if (source.kind === 'orm') await source.em.execute(thing as string);
  });
}

/** Writes two rows in two transactions of its own, where PostgreSQL allows it. */
async function procedure(run: TaskRun, line: Line, how: number): Promise<void> {
  const asked = run.history.nextId;
  const tokens = [0, 1].map((row) => `${run.tenant}/${asked}/${row}`);
  const [name, channel] = channelAt(run, line, how);
  const text = `call pausing('${tokens.join("', '")}')`;
  // Whatever it says, the first half may have been committed: nobody is to judge its rows.
  const details = { tokens, late: true };
  await onLine(run, line, ['write', `${text} by ${name}`], async () => void (await channel(text)), details);
}

/** A row that is refused, but not before its commit. */
async function orphan(run: TaskRun, line: Line, how: number): Promise<void> {
  const [name, channel] = channelAt(run, line, how);
  const token = `${run.tenant}/${run.history.nextId}/0`;
  const act = async () => answerOf(await channel(orphanText(token)));
  await onLine(run, line, ['write', `write an orphan by ${name}`], act, { tokens: [token] });
}

/** Leaves the scope in the ways that a transaction has, and then reads what the other tenant has, and its own. */
async function cross(run: TaskRun, line: Line, { how, other }: TroubleLeaf, schema: string): Promise<void> {
  const ways = [`set local role ${schema}`, `set local search_path to ${schema}`, `select become('${schema}')`];
  for (const way of how % 2 === 0 ? ways : [ways[other % ways.length] ?? '']) {
    const [name, channel] = channelAt(run, line, how);
    await onLine(run, line, ['other', `${way} by ${name}`], async () => void (await channel(way))).catch(
      () => undefined,
    );
  }
  await readOn(run, line, how + other, how % 3 === 0 ? `${schema}.entry` : undefined);
}

/** What it answers is what stood when it was declared. */
async function cursor(run: TaskRun, line: Line): Promise<void> {
  const asked = run.history.nextId;
  const [, channel] = channelAt(run, line, 0);
  const act = async () => {
    await channel(`declare own_${asked} cursor for ${readRowsText(asked)}`);
    const answer = answerOf(await channel(`fetch 3 from own_${asked}`));
    await channel(`close own_${asked}`);
    return answer;
  };
  await onLine(run, line, ['read', 'declare, fetch and close a cursor'], act, { partial: true });
}

/** Rows that somebody else may have left on the connection. */
async function leftovers(run: TaskRun, line: Line, text: string): Promise<void> {
  const [, channel] = channelAt(run, line, 0);
  await onLine(run, line, ['read', text], async () => answerOf(await channel(text)), { partial: true });
}

async function slow(run: TaskRun, line: Line, what: string): Promise<void> {
  const { source } = line;
  const { admin, login } = run.world;
  if (what === 'timeout') {
    await sendOn(run, line, 'limits', "set local statement_timeout = '3ms'");
    return void (await sendOn(run, line, 'other', 'select pg_sleep(0.03)'));
  }
  if (what === 'query timeout' && source.kind === 'client') {
    const query = { text: 'select pg_sleep(0.02)', query_timeout: 5 };
    return void (await onLine(
      run,
      line,
      ['other', 'a query timeout'],
      async () => void (await source.client.query(query)),
    ));
  }
  if (what === 'abort' && source.kind === 'orm') {
    const options = { signal: AbortSignal.timeout(3), inflightQueryAbortStrategy: 'cancel query' as const };
    return void (await onLine(run, line, ['other', 'an aborted signal'], async () => {
      await source.em.execute('select pg_sleep(0.03)', [], options);
    }));
  }
  const asked = run.history.nextId;
  const sleeping = sendOn(run, line, 'other', `select pg_sleep(0.03) as of_${asked}`);
  const cancelling = admin.query(
    'select pg_cancel_backend(pid) from pg_stat_activity where usename = $1 and query like $2',
    [login, `%of_${asked}%`],
  );
  await Promise.allSettled([sleeping, cancelling]);
}
