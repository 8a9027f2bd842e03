import { quoteIdentifier } from '../postgres/quote.js';

/** What stands in a comparison for the names that differ from tenant to tenant. No SQL that people write contains these. */
export const placeholders = {
  schema: '$tenantry:schema$',
  owner: '$tenantry:owner$',
  tenant: '$tenantry:tenant$',
  service: '$tenantry:service$',
} as const;

/** The names that one tenant schema has for {@link placeholders}. */
export type OwnNames = Readonly<Record<keyof typeof placeholders, string>>;

/** Puts the placeholder where a text from PostgreSQL names one of these schemas: `"acme-2_shop".maker`, `'acme-2_shop'`. Pure. */
export function maskSchemas(text: string, schemas: readonly string[]): string {
  return schemas.reduce((masked, schema) => {
    const plain = schema.replace(/[^\w-]/g, String.raw`\$&`);
    return masked
      .replace(new RegExp(String.raw`(?<![\w$"-])(?:"${plain}"|${plain})\.`, 'g'), () => `${placeholders.schema}.`)
      .replaceAll(`'${schema}'`, () => `'${placeholders.schema}'`);
  }, text);
}

/** The same in everything that a JSON value holds. Pure. */
export function maskValue<T>(value: T, schemas: readonly string[]): T {
  if (typeof value === 'string') return maskSchemas(value, schemas) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => maskValue(item, schemas)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskValue(item, schemas)])) as T;
}

/** SQL for one tenant schema. Pure. */
export function fillSql(text: string, names: OwnNames): string {
  const literal = `'${names.schema.replaceAll("'", "''")}'`;
  return (Object.keys(placeholders) as (keyof OwnNames)[]).reduce(
    (filled, key) => filled.replaceAll(placeholders[key], () => quoteIdentifier(names[key])),
    text.replaceAll(`'${placeholders.schema}'`, () => literal),
  );
}

/** A sentence about one tenant schema, whose own objects need no schema in front of them. Pure. */
export function fillWords(text: string, names: OwnNames): string {
  return fillSql(text.replaceAll(`${placeholders.schema}.`, ''), names);
}
