import { placeholders } from '../placeholders.js';
import type { PublicationFacts } from '../schema-object.js';
import { different, type Explainer, missing, qualified, unknown } from './finding.js';

/** What is sent to whoever subscribes to a publication. One of all tables of the database names none. */
export const publication: Explainer<'publication'> = {
  missing: (_, expected) => [
    missing(nounOf(expected), [`alter publication ${expected.publication} add ${what(expected)}`]),
  ],
  unknown: (_, actual) => [unknown(nounOf(actual), [drop(actual)])],
  changed: (_, expected, actual) => [
    different(`${nounOf(expected)} sends ${what(actual)}; it should send ${what(expected)}.`, [
      drop(actual),
      `alter publication ${expected.publication} add ${what(expected)}`,
    ]),
  ],
};

function nounOf({ table, publication: name }: PublicationFacts): string {
  return `Publication ${name} of ${table === null ? 'the whole schema' : `table ${table}`}`;
}

function what({ table, columns, where }: PublicationFacts): string {
  if (table === null) return `tables in schema ${placeholders.schema}`;
  const list = columns === null ? '' : ` (${columns.join(', ')})`;
  return `table ${qualified(table)}${list}${where === null ? '' : ` where (${where})`}`;
}

function drop({ table, publication: name }: PublicationFacts): string {
  return `alter publication ${name} drop ${table === null ? `tables in schema ${placeholders.schema}` : `table ${qualified(table)}`}`;
}
