import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { type LintRule, lintRules } from '../../../src/migrations/lint/lint-rules.js';

const guide = path.resolve(import.meta.dirname, '../../../../../docs/guides/migrations.md');

/** The table that the guide must show. */
function ruleTable(): string {
  const rows = Object.entries<LintRule>(lintRules).map(
    ([id, { level, finds, instead }]) => `| \`${id}\` | ${level} | ${finds} | ${instead} |`,
  );
  return ['| rule | level | finds | instead |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

it('shows in the guide every rule of the lint, in the words of the code', async () => {
  const text = await readFile(guide, 'utf8');
  expect(/<!-- rules -->\n([\s\S]*?)\n<!-- \/rules -->/.exec(text)?.[1]).toBe(ruleTable());
});
