import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/** Views of the whole server, which test files share. */
const views = /pg_stat_activity|pg_locks/;

/** What keeps to the test's own: its database, its login, or a backend that it knows. Or it is what a tenant is refused. */
const own = /\b(?:datname|database|usename|pid) = |^select \*? ?from \w+$/;

/** The texts in a source that ask such a view and keep to nothing. */
function strayQueries(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) {
      const text = ts.isStringLiteralLike(node) ? node.text : node.getText();
      if (views.test(text) && !own.test(text)) found.push(text);
    } else ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('test.ts', source, ts.ScriptTarget.Latest, true));
  return found;
}

it.each([
  "select 1 from pg_stat_activity where query like 'select pg_sleep%'",
  "select 1 from pg_locks where not granted and relation = 'item'::regclass",
])('finds a query that sees the sessions or locks of other test files: %s', (sql) => {
  expect(strayQueries(`await admin.query(${JSON.stringify(sql)});`)).toEqual([sql]);
  expect(strayQueries(`await admin.query(${JSON.stringify(`${sql} and datname = current_database()`)});`)).toEqual([]);
});

it('finds none in the tests: what other files do at the same time changes no result', async () => {
  const found: string[] = [];
  for await (const file of glob('{packages,apps}/*/test/**/*.ts', { cwd: root }))
    for (const sql of strayQueries(await readFile(path.join(root, file), 'utf8'))) found.push(`${file}: ${sql}`);
  expect(found).toEqual([]);
});
