import type { Node } from 'libpg-query';
import { textOf } from './column-type.js';

/** A name with a schema in front. */
export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
  /** The statement makes, changes or drops it, or writes its rows; otherwise it only refers to it. */
  readonly changed: boolean;
}

/** Keys and node kinds below which a name is only referred to. */
const referring = new Set([
  'pktable',
  'fromClause',
  'usingClause',
  'query',
  'selectStmt',
  'SelectStmt',
  'TypeName',
  'FuncCall',
  'TypeCast',
  'returnType',
  'argType',
  'parameters',
  'raw_expr',
  'whereClause',
  'roles',
]);
const writing = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);
/** Lists of names whose first part is the schema. */
const nameLists = new Set(['names', 'funcname', 'typeName', 'objname', 'defnames', 'opclassname', 'opfamilyname']);
/** Objects that belong to a table and are written as `table, object`. */
const ofTable = new Set(['OBJECT_COLUMN', 'OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER', 'OBJECT_POLICY', 'OBJECT_RULE']);

/** Finds every schema-qualified name of a statement. Pure. */
export function qualifiedNames(statement: Node): QualifiedName[] {
  const found: QualifiedName[] = [];
  walk(statement, true, found);
  return found;
}

function walk(value: unknown, changed: boolean, found: QualifiedName[]): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, changed, found);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const node = value as Record<string, unknown>;
  if (typeof node['schemaname'] === 'string') {
    found.push({ schema: node['schemaname'], name: nameIn(node['relname']), changed });
  }
  for (const [key, child] of Object.entries(node)) {
    const childChanges = writing.has(key) || (changed && !refers(key, child));
    if (nameLists.has(key) && isNames(child)) addParts(child, childChanges, found);
    else if (key === 'fields' && Array.isArray(child)) addColumn(child, found);
    else if (key === 'objects' || key === 'object') addObjects(child, node, childChanges, found);
    else walk(child, childChanges, found);
  }
}

/** A column's type is a `typeName` too, but an object and not a list: a type that is made has a list of names. */
function refers(key: string, child: unknown): boolean {
  return referring.has(key) || (key === 'typeName' && !Array.isArray(child));
}

/** What `drop`, `comment` and `grant` name. */
function addObjects(value: unknown, owner: Record<string, unknown>, changed: boolean, found: QualifiedName[]): void {
  const cut = ofTable.has(nameIn(owner['removeType'] ?? owner['objtype'])) ? -1 : undefined;
  for (const object of Array.isArray(value) ? (value as Node[]) : [value as Node]) {
    const names = listOf(object);
    if (names) addParts(names.slice(0, cut), changed, found);
    else if (typeof object === 'object' && 'TypeName' in object) addParts(object.TypeName.names ?? [], changed, found);
    else walk(object, changed, found);
  }
}

function listOf(object: Node): readonly Node[] | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  const items = 'List' in object ? object.List.items : undefined;
  return items !== undefined && isNames(items) ? items : undefined;
}

/** `schema.table.column`; with two parts the first is a table. */
function addColumn(fields: readonly unknown[], found: QualifiedName[]): void {
  const table = fields.slice(0, -1);
  if (isNames(table)) addParts(table, false, found);
}

function addParts(names: readonly Node[], changed: boolean, found: QualifiedName[]): void {
  if (names.length > 1) found.push({ schema: textOf(names.at(-2)), name: textOf(names.at(-1)), changed });
}

function isNames(value: unknown): value is Node[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => typeof item === 'object' && item && 'String' in item)
  );
}

function nameIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
