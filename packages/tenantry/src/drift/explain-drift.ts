import type { DriftDifference } from './drift-report.js';
import { column } from './explain/column.js';
import { constraint, enforcement, notNull } from './explain/constraint.js';
import { different, type Explainer, type Finding, same, type Sides } from './explain/finding.js';
import { index } from './explain/index-explainer.js';
import { otherObject } from './explain/other-object.js';
import { publication } from './explain/publication.js';
import { role } from './explain/role.js';
import { routine } from './explain/routine.js';
import { rule } from './explain/rule.js';
import { defaultPrivileges, schema, sharedSchema } from './explain/schema.js';
import { sequence } from './explain/sequence.js';
import { statistics } from './explain/statistics.js';
import { table } from './explain/table.js';
import { policy, trigger } from './explain/trigger.js';
import { type } from './explain/type.js';
import { view } from './explain/view.js';
import { type ObjectKind, type SchemaObject, SchemaObjects } from './schema-object.js';

/** In the order in which such objects can be made; they are dropped in the reverse one. */
const explainers: { readonly [K in ObjectKind]: Explainer<K> } = {
  role,
  schema,
  'shared schema': sharedSchema,
  'default privileges': defaultPrivileges,
  other: otherObject,
  type,
  sequence,
  function: routine,
  table,
  column,
  'not null': notNull,
  constraint,
  // Before its indexes: a materialized view has some too.
  view,
  index,
  statistics,
  trigger,
  rule,
  enforcement,
  policy,
  publication,
};

const kinds = Object.keys(explainers) as ObjectKind[];

/**
 * Explains how one schema differs from what it should be. Pure. Names that differ from tenant to tenant are placeholders, on
 * both sides and in the answer. What is too much comes first, in the order in which it can be dropped; then what is missing
 * or different, in the order in which it can be made.
 *
 * @param serverVersion - PostgreSQL's `server_version_num`, for the repairs.
 */
export function explainDrift(
  expected: readonly SchemaObject[],
  actual: readonly SchemaObject[],
  serverVersion: number,
): readonly DriftDifference[] {
  const sides: Sides = { expected: new SchemaObjects(expected), actual: new SchemaObjects(actual), serverVersion };
  const unknown = kinds.toReversed().flatMap((kind) => explainUnknown(kind, sides));
  return [...unknown, ...kinds.flatMap((kind) => explainKind(kind, sides))];
}

/** Of any kind: the compiler cannot see that a kind's objects and its explainer belong together. */
function explainerOf(kind: ObjectKind): Explainer<ObjectKind> {
  return explainers[kind];
}

function explainUnknown(kind: ObjectKind, sides: Sides): DriftDifference[] {
  return sides.actual
    .all(kind)
    .filter(({ object }) => !sides.expected.get(kind, object))
    .flatMap(({ object, facts }) => told(kind, object, explainerOf(kind).unknown(object, facts, sides)));
}

function explainKind(kind: ObjectKind, sides: Sides): DriftDifference[] {
  const expected = sides.expected.all(kind);
  return (kind === 'constraint' ? byDependency(expected) : expected).flatMap(({ object, facts }) => {
    const actual = sides.actual.get(kind, object);
    if (!actual) return told(kind, object, explainerOf(kind).missing(object, facts, sides));
    if (same(facts, actual)) return [];
    const findings = explainerOf(kind).changed(object, facts, actual, sides);
    // No explainer knew the difference, and it must be reported all the same.
    const said =
      findings.length > 0 ? findings : [different(`The ${kind} ${object} is not as its migrations make it.`, null)];
    return told(kind, object, said);
  });
}

/** A foreign key needs the key that it refers to. */
function byDependency(objects: readonly SchemaObject[]): readonly SchemaObject[] {
  const isForeignKey = ({ facts }: SchemaObject) => Number('type' in facts && facts.type === 'f');
  return objects.toSorted((one, other) => isForeignKey(one) - isForeignKey(other));
}

function told(kind: ObjectKind, object: string, findings: readonly Finding[]): DriftDifference[] {
  return findings.map(({ problem, words, repair, destructive = false }) => ({
    kind,
    object,
    problem,
    words,
    repair: repair === null ? null : repair.map((statement) => `${statement};`).join('\n'),
    destructive: destructive && repair !== null,
  }));
}
