import type { AnswerColumn } from '../isolation/read-only-flight.js';

/** What `pg_type` says of a type. */
export interface TypeFacts {
  readonly oid: number;
  readonly name: string;
  readonly schema: string;
  /** 0 where there is none. */
  readonly array: number;
  readonly delimiter: string;
  readonly kind: string;
  readonly category: string;
}

/** A column of the merge. */
export interface MergedColumn {
  readonly name: string;
  /** Its type's name in the merge. */
  readonly type: string;
  /** The type that an answer must have; `own` is any type of the tenant's own. */
  readonly expected: number | 'own';
  /** The type in which its values travel to an aggregate: that of an array, and what the elements are cast to, if anything. */
  readonly array: number;
  readonly delimiter: string;
  readonly cast: string | null;
  /** The OID of its type in the merge; text where it is the tenant's own. */
  readonly oid: number;
}

const textType = 25;
const arrayOfText = 1009;
/** Types below this are PostgreSQL's own and the same everywhere. */
const firstOwnType = 16_384;

/** SQL for {@link TypeFacts}; $1 OIDs. */
export const typeFactsSql = `
  select t.oid::int8::float8 as oid, format_type(t.oid, null) as name, n.nspname as schema, typarray::int8::float8 as "array",
         typdelim as delimiter, typtype as kind, typcategory as category
    from pg_type t join pg_namespace n on n.oid = typnamespace where t.oid = any($1::oid[])`;

/**
 * The columns of the merge, from the first answer. A type of the tenant's own schema is another one in every tenant, so it
 * becomes text; so does what PostgreSQL cannot read back. Pure.
 *
 * @param schema - Of the tenant that answered; `undefined` for what no tenant answered.
 */
export function mergedColumns(
  columns: readonly AnswerColumn[],
  facts: readonly TypeFacts[],
  schema: string | undefined,
): readonly MergedColumn[] {
  const byOid = new Map(facts.map((each) => [each.oid, each]));
  return columns.map(({ name, type }) => {
    const found = byOid.get(type);
    const asText = { name, type: 'text', oid: textType, array: arrayOfText, delimiter: ',', cast: null };
    if (!found) return { ...asText, expected: type };
    if (found.schema === schema) return { ...asText, expected: 'own' };
    if (found.kind === 'p' || (found.schema === 'pg_catalog' && found.name.startsWith('reg')))
      return { ...asText, expected: type };
    const typed = { name, type: found.name, oid: type, expected: type, delimiter: found.delimiter };
    if (found.array !== 0) return { ...typed, array: found.array, cast: null };
    // The merge keeps each column as one array, and PostgreSQL has no arrays of arrays. So an array column becomes
    // text.
    const builtIn = found.schema === 'pg_catalog';
    return builtIn ? { ...typed, array: arrayOfText, delimiter: ',', cast: found.name } : { ...asText, expected: type };
  });
}

/**
 * Why these columns cannot be those of a report. Pure.
 *
 * @param merged - They are those of the merge, which has a column for the tenant already.
 */
export function unfitNames(columns: readonly AnswerColumn[], merged: boolean): string | undefined {
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (merged && name === 'tenant')
      return 'it has a column "tenant", which every report has already; give it another name with "as"';
    if (seen.has(name)) return `it has two columns "${name}"; give one another name with "as"`;
    seen.add(name);
  }
  return undefined;
}

/** How an answer differs from the merge, in words; `undefined` when it fits. Pure. */
export function mismatch(merged: readonly MergedColumn[], answer: readonly AnswerColumn[]): string | undefined {
  const [wanted, got] = [merged, answer].map((columns) => columns.map(({ name }) => name).join(', '));
  if (wanted !== got) return `its columns are (${got}), not (${wanted})`;
  const other = merged.find(({ expected }, index) => {
    const type = answer[index]?.type ?? 0;
    return expected === 'own' ? type < firstOwnType : expected !== type;
  });
  return other && `its column "${other.name}" is not ${other.type}`;
}
