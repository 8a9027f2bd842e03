import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { migrationClassName, migrationSource } from '../../../src/migrations/authoring/migration-source.js';

/** What the literal in the source stands for. */
function statementIn(source: string): unknown {
  const [, literal = ''] = /addSql\(\s*([\s\S]*?),?\s*\);\n {2}\}/.exec(source) ?? [];
  return runInNewContext(literal);
}

it.each([
  ['quotes', `alter table "it's" add "b" text default '\`\${x}\`'`],
  ['a backslash', String.raw`alter table a add b text default E'\\n' check (b ~ '\d')`],
  ['a line break in a text', "create table a (\n  b text default 'one\ntwo'\n)"],
  [
    'a line break in a body',
    'create function f() returns trigger as $x$ begin\n  return new;\nend $x$ language plpgsql',
  ],
  ['more than a line', `alter table a add ${'b'.repeat(130)} int`],
])('keeps a statement with %s as it is', (_, statement) => {
  expect(statementIn(migrationSource({ className: 'A', up: [statement], down: [] }))).toBe(statement);
});

it('indents what only the layout has broken', () => {
  const source = migrationSource({ className: 'A', up: ['create table a (\n  b int\n)'], down: [] });
  expect(source).toContain('    this.addSql(`create table a (\n      b int\n    )`);\n');
});

it('gives every class a name of its own', () => {
  expect(migrationClassName('add-sku', new Set())).toBe('AddSkuMigration');
  expect(migrationClassName('add-sku', new Set(['AddSkuMigration', 'AddSkuMigration2']))).toBe('AddSkuMigration3');
});
