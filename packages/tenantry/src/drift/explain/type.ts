import type { TypeFacts } from '../schema-object.js';
import { different, type Explainer, type Finding, missing, qualified, same, unknown } from './finding.js';
import { explainRights } from './rights.js';

/** Enums, domains and composite types. */
export const type: Explainer<'type'> = {
  missing: (object, expected) => [missing(`${formOf(expected)} ${object}`, createType(object, expected))],
  unknown: (object, actual) => [
    unknown(`${formOf(actual)} ${object}`, [`drop ${actual.form === 'd' ? 'domain' : 'type'} ${qualified(object)}`]),
  ],
  changed(object, expected, actual) {
    const called = { noun: `type ${object}`, granted: `type ${qualified(object)}` };
    return [...explainShape(object, expected, actual), ...explainRights(called, expected, actual)];
  },
};

function createType(object: string, facts: TypeFacts): readonly string[] | null {
  const name = qualified(object);
  if (facts.form === 'e') return [`create type ${name} as enum (${(facts.labels ?? []).map(literal).join(', ')})`];
  if (facts.form === 'c') return [`create type ${name} as (${(facts.fields ?? []).join(', ')})`];
  if (facts.form !== 'd') return null;
  const filled = facts.default === null ? '' : ` default ${facts.default}`;
  const checks = (facts.checks ?? []).map((check) => ` constraint ${check}`).join('');
  return [`create domain ${name} as ${facts.base}${filled}${facts.notNull ? ' not null' : ''}${checks}`];
}

function explainShape(object: string, expected: TypeFacts, actual: TypeFacts): Finding[] {
  if (expected.form === 'e' && actual.form === 'e')
    return explainLabels(object, expected.labels ?? [], actual.labels ?? []);
  const shape = ({ form, base, default: filled, notNull, checks, fields }: TypeFacts) => [
    form,
    base,
    filled,
    notNull,
    checks,
    fields,
  ];
  if (same(shape(expected), shape(actual))) return [];
  return [different(`${formOf(expected)} ${object} is not as its migrations make it.`, null)];
}

function explainLabels(object: string, expected: readonly string[], actual: readonly string[]): Finding[] {
  const lacking = expected.filter((label) => !actual.includes(label));
  const extra = actual.filter((label) => !expected.includes(label));
  const add = (label: string) => {
    const before = expected[expected.indexOf(label) - 1];
    const place = before === undefined ? `before ${literal(actual[0] ?? '')}` : `after ${literal(before)}`;
    return `alter type ${qualified(object)} add value ${literal(label)} ${place}`;
  };
  const findings: Finding[] = [];
  if (lacking.length > 0)
    findings.push(different(`Enum ${object} lacks ${lacking.map(literal).join(', ')}.`, lacking.map(add)));
  if (extra.length > 0) {
    const words = `Enum ${object} has ${extra.map(literal).join(', ')}, which no migration adds. PostgreSQL cannot take a value away: add it with a migration, or make the type anew.`;
    findings.push(different(words, null));
  }
  const inOrder = expected.filter((label) => actual.includes(label));
  if (
    !same(
      inOrder,
      actual.filter((label) => expected.includes(label)),
    )
  ) {
    findings.push(
      different(`Enum ${object} has its values in another order: ${actual.map(literal).join(', ')}.`, null),
    );
  }
  return findings;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function formOf({ form }: TypeFacts): string {
  return { e: 'Enum', d: 'Domain', c: 'Type', r: 'Range type' }[form];
}
