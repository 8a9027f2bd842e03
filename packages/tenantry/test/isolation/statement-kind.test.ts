import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sqlTokens } from '../../src/isolation/sql-tokens.js';
import { type StatementKind, statementNature } from '../../src/isolation/statement-kind.js';

const spellings: Readonly<Record<Exclude<StatementKind, 'nothing'>, readonly string[]>> = {
  query: [
    'select 1',
    ' \n(select 1)',
    'values (1)',
    'table widget',
    'with x as (select 1) select * from x',
    'merge into a using b on true when matched then do nothing',
    'explain analyze select 1',
    'show timezone',
    'fetch all from c',
    '',
    ';',
    '-- nothing',
    // For PostgreSQL to say what is wrong with it.
    'begin; drop table widget',
    'start something',
    'begin isolation level wrong',
  ],
  command: [
    'create table x ()',
    'set local timezone to utc',
    'set local "my.setting" = 1',
    'set constraints all deferred',
    'close c',
    'notify x',
    'copy widget from program $$stdin$$',
    "copy widget to '/tmp/stdout'",
  ],
  begin: [
    'begin',
    'BEGIN;',
    'begin work',
    'begin transaction',
    'start transaction',
    '/* a */ begin -- b',
    'begin isolation level serializable',
    'start transaction isolation level repeatable read, read only, not deferrable;',
    'begin transaction\nread write\nisolation level read uncommitted deferrable',
  ],
  mode: [
    'set transaction isolation level serializable',
    'SET TRANSACTION READ ONLY, DEFERRABLE',
    "set local transaction_isolation = 'serializable'",
    'set transaction_read_only to on',
    "set transaction snapshot '0-1'",
  ],
  commit: ['commit', 'end', 'commit work;', 'end transaction', 'commit and no chain'],
  rollback: ['rollback', 'abort', 'rollback work', 'abort transaction and no chain'],
  savepoint: ['savepoint a', 'release a', 'release savepoint a'],
  'rollback to': ['rollback to a', 'rollback work to savepoint a', 'rollback transaction to a'],
  chain: ['commit and chain', 'rollback transaction and chain', 'end and chain'],
  'copy in': [
    'copy widget from stdin',
    'copy "to stdout" (a) from stdin with (format csv)',
    'copy w(a,b)from/**/stdin',
    'copy w from stdout',
  ],
  'copy out': [
    'copy widget to stdout',
    "copy (select 'from stdin' from b) to stdout",
    'copy "stdin" to STDOUT binary',
    'copy w to stdin',
  ],
  inside: [
    'call p()',
    'do $$ begin end $$',
    'lock widget',
    'declare c cursor for select hold from widget',
    "declare c cursor without hold for select 'with hold'",
  ],
  lasting: [
    'set timezone to utc',
    'set session timezone to utc',
    "set local.leak = 'x'",
    "set transaction.leak = 'x'",
    'reset all',
    'discard all',
    'listen x',
    'prepare p as select 1',
    "prepare transaction 'p'",
    "rollback prepared 'p'",
    'execute p',
    'deallocate all',
    "load 'x'",
    'declare c cursor with hold for select 1',
    'declare c insensitive no scroll cursor with/**/hold for select 1',
    'declare cursor cursor with hold for select 1',
    'declare "cursor" binary cursor with hold for select 1',
    'set local seed = 0.5',
  ],
  unknown: [
    'selec 1',
    '"select" 1',
    "'x'",
    'ſelect 1',
    '1',
    '$1',
    'set_config()',
    'repack widget',
    'declare c for select 1',
  ],
};

describe.each(Object.entries(spellings))('%s', (kind, texts) => {
  it.each(texts)('is what %s is', (text) => {
    expect(statementNature(text).kind).toBe(kind);
  });

  it.each(texts)('is what it is behind comments too: %s', (text) => {
    expect(statementNature(`;;/* begin /* ' */ set */ -- reset "\n ${text}`).kind).toBe(kind);
  });
});

describe('the pieces of a text', () => {
  const pieces = (text: string) => [...sqlTokens(text)].map((token) => `${token.kind} ${token.text}`);

  it('are whole strings and names, however they are quoted', () => {
    expect(pieces(`a "b ""c" 'd ''e' E'f\\'g' $$h $x$ i$$ $x$ j $$ $x$ U&"k" n'l' m`)).toEqual([
      'word A',
      'quoted "b ""c"',
      "string 'd ''e'",
      "string E'f\\'g'",
      'string $$h $x$ i$$',
      'string $x$ j $$ $x$',
      'quoted U&"k"',
      "string n'l'",
      'word M',
    ]);
  });

  it('come to an end in any text, none empty and none made up', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'E', "'", '"', '$', '/*', '*/', '--', '\n', '\\', ';', '(', ' ', 'U&', 'é', '1'),
      maxLength: 40,
    });
    fc.assert(
      fc.property(text, (sql) => {
        const tokens = [...sqlTokens(sql)];
        for (const token of tokens) expect(sql.toUpperCase()).toContain(token.text.toUpperCase());
        expect(tokens.map((token) => token.text).filter((piece) => piece === '')).toEqual([]);
        expect(tokens.reduce((length, token) => length + token.text.length, 0)).toBeLessThanOrEqual(sql.length);
      }),
      { numRuns: 2000 },
    );
  });
});
