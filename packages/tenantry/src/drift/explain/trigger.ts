import type { PolicyFacts, TriggerFacts } from '../schema-object.js';
import { different, type Explainer, missing, qualified, unknown } from './finding.js';

export const trigger: Explainer<'trigger'> = {
  missing: (object, expected) => [missing(`Trigger ${object}`, [expected.definition, ...enable(expected, 'O')])],
  unknown(object, actual, { expected }) {
    if (!expected.get('table', actual.table) && !expected.get('view', actual.table)) return [];
    return [unknown(`Trigger ${object}`, [drop(actual)])];
  },
  changed(object, expected, actual) {
    if (expected.definition === actual.definition) {
      const words = `Trigger ${object} is ${states[actual.enabled]}; it should be ${states[expected.enabled]}.`;
      return [different(words, enable(expected, actual.enabled))];
    }
    const words = `Trigger ${object} is ${actual.definition}; it should be ${expected.definition}.`;
    return [different(words, [drop(actual), expected.definition, ...enable(expected, 'O')])];
  },
};

const states = { O: 'enabled', D: 'disabled', R: 'enabled for replicas only', A: 'always enabled' };

function enable({ table, name, enabled }: TriggerFacts, now: TriggerFacts['enabled']): string[] {
  const verbs = { O: 'enable trigger', D: 'disable trigger', R: 'enable replica trigger', A: 'enable always trigger' };
  return enabled === now ? [] : [`alter table ${qualified(table)} ${verbs[enabled]} ${name}`];
}

function drop({ table, name }: TriggerFacts): string {
  return `drop trigger if exists ${name} on ${qualified(table)}`;
}

export const policy: Explainer<'policy'> = {
  missing: (object, expected) => [missing(`Policy ${object}`, [createPolicy(expected)])],
  unknown(object, actual, { expected }) {
    return expected.get('table', actual.table) ? [unknown(`Policy ${object}`, [dropPolicy(actual)])] : [];
  },
  changed: (object, expected, actual) => [
    different(`Policy ${object} is not as its migrations make it: ${createPolicy(actual)}.`, [
      dropPolicy(actual),
      createPolicy(expected),
    ]),
  ],
};

function createPolicy(facts: PolicyFacts): string {
  const commands = { r: 'select', a: 'insert', w: 'update', d: 'delete', '*': 'all' };
  const using = facts.using === null ? '' : ` using (${facts.using})`;
  const check = facts.check === null ? '' : ` with check (${facts.check})`;
  return `create policy ${facts.name} on ${qualified(facts.table)} as ${facts.permissive ? 'permissive' : 'restrictive'} for ${commands[facts.command]} to ${facts.roles.join(', ')}${using}${check}`;
}

function dropPolicy({ table, name }: PolicyFacts): string {
  return `drop policy if exists ${name} on ${qualified(table)}`;
}
