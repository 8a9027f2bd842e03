/**
 * A `search_path` as PostgreSQL keeps it, with other names for some of its schemas. Pure.
 *
 * @param names - New name by former name.
 * @returns The schemas, unquoted; `undefined` where it has none of these.
 */
export function pathWith(value: string, names: ReadonlyMap<string, string>): readonly string[] | undefined {
  const schemas = [...value.matchAll(/"((?:[^"]|"")*)"|[^",\s]+/g)].map(
    ([bare, quoted]) => quoted?.replaceAll('""', '"') ?? bare,
  );
  return schemas.some((schema) => names.has(schema)) ? schemas.map((schema) => names.get(schema) ?? schema) : undefined;
}
