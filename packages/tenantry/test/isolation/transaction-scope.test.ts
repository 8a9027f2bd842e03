import { beforeEach, describe, expect, it } from 'vitest';
import { statementNature } from '../../src/isolation/statement-kind.js';
import { TransactionScope } from '../../src/isolation/transaction-scope.js';

/** The machine without a connection: what PostgreSQL says is played by the test. */
let transaction: TransactionScope;
let status: 'I' | 'T' | 'E';
beforeEach(() => {
  transaction = new TransactionScope();
  status = 'I';
});

const ask = (text: string, scope = 'a') => transaction.admit(scope, statementNature(text), status);
/** Sends a statement that PostgreSQL runs, with what goes before it. Answers what that was. */
function run(text: string, tag = text.split(' ', 1)[0]?.toUpperCase() ?? ''): string {
  const nature = statementNature(text);
  const admission = transaction.admit('a', nature, status);
  if (admission instanceof Error) throw admission;
  const { begin, enter } = admission;
  if (begin !== undefined) {
    transaction.begun();
    status = 'T';
  }
  if (enter !== 'not') transaction.entered(nature);
  transaction.completed(tag, nature);
  if (nature.kind === 'begin') status = 'T';
  if (nature.kind === 'commit' || nature.kind === 'rollback') status = 'I';
  return [begin, enter].filter((part) => part !== undefined).join(', ');
}

describe('what goes before a statement', () => {
  it('is the whole scope outside a transaction, each time', () => {
    expect([run('select 1'), run('insert into x values (1)'), run('set local a.b to 1')]).toEqual([
      'all',
      'all',
      'all',
    ]);
  });

  it('is the begin and the scope for the first of a transaction, and the scope again for those after it', () => {
    transaction.hold({ text: 'begin isolation level serializable' }, 'a');
    expect([run('select 1'), run('select 1'), run('savepoint s'), run('select 1'), run('commit')]).toEqual([
      'begin isolation level serializable, all without a snapshot',
      'again',
      'not',
      'again',
      'not',
    ]);
    expect(run('select 1')).toBe('all');
  });

  it('is the scope before a savepoint, never after it: a rollback to it would take the scope back', () => {
    transaction.hold({ text: 'begin' }, 'a');
    expect([run('savepoint s'), run('select 1'), run('rollback to s', 'ROLLBACK'), run('select 1')]).toEqual([
      'begin, all without a snapshot',
      'not',
      'not',
      'again',
    ]);
  });

  it('is the begin alone for what PostgreSQL takes only before the first query', () => {
    transaction.hold({ text: 'begin' }, 'a');
    expect([
      run('set transaction read only', 'SET'),
      run('set transaction deferrable', 'SET'),
      run('select 1'),
    ]).toEqual(['begin, not', 'not', 'all without a snapshot']);
  });

  it('is all of the scope again, limits too, in a transaction that follows another', () => {
    transaction.hold({ text: 'begin' }, 'a');
    expect([run('select 1'), run('commit and chain'), run('savepoint s'), run('select 1')]).toEqual([
      'begin, all',
      'not',
      'all without a snapshot',
      'not',
    ]);
  });

  it('is the scope before a commit where a deferred trigger runs as whoever commits', () => {
    transaction.entersToCommit = true;
    transaction.hold({ text: 'begin' }, 'a');
    expect([run('select 1'), run('commit')]).toEqual(['begin, all', 'again']);
  });

  it('is what takes no snapshot before what wants to come before it', () => {
    for (const text of ['lock table x', 'set local timezone to utc', 'set transaction_read_only to on']) {
      transaction.hold({ text: 'begin' }, 'a');
      run(text, text.split(' ', 1)[0]?.toUpperCase());
      expect(run('select 1')).toMatch(/^(?:again|all without a snapshot)$/);
      run('rollback');
    }
  });

  it('is the scope again after a statement of which nothing was heard', () => {
    transaction.hold({ text: 'begin' }, 'a');
    ask('select 1');
    transaction.begun();
    transaction.entered(statementNature('select 1'));
    status = 'T';
    expect(ask('select 2')).toEqual({ begin: undefined, enter: 'again' });
  });

  it('is nothing in a failed transaction, and the way out of it is open', () => {
    status = 'E';
    transaction.hold({ text: 'begin' }, 'a');
    expect([ask('select 1'), ask('rollback')]).toEqual([{ enter: 'not' }, { enter: 'not' }]);
  });
});

describe('a statement that may have run code of somebody’s', () => {
  /** Each as the second of a transaction, whose scope stands before it. */
  const before = (text: string, tag?: string) => {
    transaction.hold({ text: 'begin' }, 'a');
    run('savepoint s');
    run(text, tag);
    return run('select 1');
  };

  it.each([
    ['select f()'],
    ['insert into x values (1)'],
    ['values (f())'],
    ['table v'],
    ['with x as (select f()) select * from x'],
    ['explain analyze select f()'],
    ['fetch all from c'],
    ['call p()'],
    ['do $$ $$'],
    ['lock x'],
    ['declare c cursor for select f()'],
    ['copy x from stdin'],
    ['copy (select f()) to stdout'],
    ['set constraints all immediate'],
    ['set local role b'],
    ['create table x ()'],
    ['truncate x'],
    ['rollback to s', 'ROLLBACK'],
  ])('has the scope entered again before the next: %s', (text, tag?: string) => {
    expect(before(text, tag)).toBe('again');
  });

  it.each([['savepoint t'], ['release s'], ['set transaction read only', 'SET']])(
    'is none of these, so nothing is entered again: %s',
    (text, tag?: string) => {
      expect(before(text, tag)).toBe('not');
    },
  );

  it.each([['commit and chain'], ['rollback and chain']])('is all of the scope, limits too, after: %s', (text) => {
    expect(before(text)).toBe('all without a snapshot');
  });

  it('is refused, and not entered for, where it would leave the transaction: a prepared statement is run by name', () => {
    transaction.hold({ text: 'begin' }, 'a');
    run('savepoint s');
    for (const text of ['execute p', 'prepare p as select 1', 'deallocate p', 'load x', 'listen x'])
      expect(ask(text)).toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
    expect(run('select 1')).toBe('not');
  });
});

describe('what is refused', () => {
  it('is every statement of a transaction that was begun in another scope', () => {
    transaction.hold({ text: 'begin' }, 'a');
    for (const text of ['select 1', 'commit', 'rollback', 'set transaction read only', 'selec'])
      expect(ask(text, 'b')).toMatchObject({ code: 'TENANCY_SCOPE_MISMATCH' });
  });

  it('is every statement of a transaction whose scope could not be entered, but the way out', () => {
    transaction.hold({ text: 'begin' }, 'a');
    const why = new Error('role "a" does not exist');
    transaction.begun();
    transaction.refused(why);
    status = 'E';
    expect([ask('select 1'), ask('commit'), ask('rollback'), ask('rollback to s')]).toEqual([
      why,
      why,
      { enter: 'not' },
      { enter: 'not' },
    ]);
    status = 'I';
    expect(ask('select 1')).toEqual({ enter: 'all' });
  });

  it('is what would outlive its transaction, in one and outside', () => {
    for (status of ['I', 'T'] as const)
      expect(ask('set timezone to utc')).toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
  });

  it('is a procedure, a lock or a cursor outside a transaction', () => {
    for (const text of ['call p()', 'do $$ $$', 'lock x', 'declare c cursor for select 1'])
      expect(ask(text)).toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
    transaction.hold({ text: 'begin' }, 'a');
    expect(ask('call p()')).toEqual({ begin: 'begin', enter: 'all without a snapshot' });
  });
});
