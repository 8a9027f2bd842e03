import type { Node } from 'libpg-query';
import { TenancyError } from '../../errors/tenancy-error.js';
import { textOf } from '../lint/column-type.js';
import type { SqlParser } from '../lint/sql-parser.js';

const lengthMax = 60;

/**
 * Checks a migration's name.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` when it is not kebab-case.
 */
export function parseMigrationName(text: string): string {
  if (/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(text) && text.length <= lengthMax) return text;
  throw new TenancyError('TENANCY_OPTION_INVALID', {
    option: '--name',
    reason: `"${text}" is not a name; use lower-case words with hyphens between them, such as add-sku, ${lengthMax} characters at most`,
  });
}

/** A name for a change: `create-item`, `add-sku-to-item`, `change-item`, or `change` where it touches more. Pure. */
export function nameOfChange(parser: SqlParser, statements: readonly string[]): string {
  const nodes = statements.flatMap((statement) => parser.parse(statement).map(({ node }) => node));
  const tables = new Set(nodes.flatMap(tablesOf));
  const [table = ''] = tables;
  if (tables.size !== 1) return 'change';
  if (nodes.some((node) => 'CreateStmt' in node)) return fitting(`create-${table}`);
  if (nodes.some((node) => 'DropStmt' in node && node.DropStmt.removeType === 'OBJECT_TABLE')) {
    return fitting(`drop-${table}`);
  }
  const [node, ...others] = nodes;
  const added = node && others.length === 0 ? onlyAddedColumn(node) : undefined;
  return fitting(added === undefined ? `change-${table}` : `add-${added}-to-${table}`);
}

function tablesOf(node: Node): string[] {
  if ('CreateStmt' in node) return [node.CreateStmt.relation?.relname ?? ''];
  if ('AlterTableStmt' in node) return [node.AlterTableStmt.relation?.relname ?? ''];
  if ('IndexStmt' in node) return [node.IndexStmt.relation?.relname ?? ''];
  if (!('DropStmt' in node) || node.DropStmt.removeType !== 'OBJECT_TABLE') return [];
  return (node.DropStmt.objects ?? []).map((object) => ('List' in object ? textOf(object.List.items?.at(-1)) : ''));
}

function onlyAddedColumn(node: Node): string | undefined {
  const [cmd, ...others] = 'AlterTableStmt' in node ? (node.AlterTableStmt.cmds ?? []) : [];
  if (!cmd || others.length > 0 || !('AlterTableCmd' in cmd) || cmd.AlterTableCmd.subtype !== 'AT_AddColumn') {
    return undefined;
  }
  const { def } = cmd.AlterTableCmd;
  return def && 'ColumnDef' in def ? def.ColumnDef.colname : undefined;
}

function fitting(text: string): string {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return words.join('-').slice(0, lengthMax).replace(/-$/, '');
}
