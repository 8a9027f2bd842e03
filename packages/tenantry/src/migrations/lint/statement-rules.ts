import type { DefElem, Node } from 'libpg-query';
import { textOf } from './column-type.js';
import type { Complaint } from './lint-finding.js';
import type { LintState } from './lint-context.js';
import { qualifiedNames } from './qualified-names.js';
import { ofIndex, ofNewTable, ofTableChange } from './table-rules.js';

/** Everything that speaks against one statement. Pure. */
export function* complaintsOf(node: Node, state: LintState): Iterable<Complaint> {
  if ('CreateStmt' in node) yield* ofNewTable(node.CreateStmt);
  if ('AlterTableStmt' in node) {
    const { relation, cmds = [] } = node.AlterTableStmt;
    for (const cmd of cmds) {
      if ('AlterTableCmd' in cmd) yield* ofTableChange(state, relation?.relname ?? '', cmd.AlterTableCmd);
    }
  }
  if ('IndexStmt' in node && !node.IndexStmt.concurrent) {
    const { relation, idxname = '' } = node.IndexStmt;
    yield* ofIndex(state, relation?.relname ?? '', `the index "${idxname}"`);
  }
  if ('ReindexStmt' in node && !flag(node.ReindexStmt.params, 'concurrently')) {
    yield* ofIndex(state, node.ReindexStmt.relation?.relname ?? '', 'an index');
  }
  yield* ofMaintenance(node, state);
  if ('DoStmt' in node && /\bcreate\s+(?:unlogged\s+)?table\b/i.test(JSON.stringify(node.DoStmt))) {
    yield { rule: 'do-creates-table', message: 'the block creates a table' };
  }
  if (state.context.kind !== 'outside') yield* ofTransaction(node);
  if (state.context.tenant) yield* ofTenantSchema(node, state.context.sharedSchemas ?? []);
}

function* ofMaintenance(node: Node, { context }: LintState): Iterable<Complaint> {
  if ('TruncateStmt' in node && context.tenant) yield { rule: 'truncate', message: 'it truncates' };
  const full = 'VacuumStmt' in node && flag(node.VacuumStmt.options, 'full');
  if (full || 'ClusterStmt' in node) yield { rule: 'table-rewrite', message: 'it writes the table anew' };
}

/** What PostgreSQL answers with 25001. */
function* ofTransaction(node: Node): Iterable<Complaint> {
  const refused =
    ('IndexStmt' in node && node.IndexStmt.concurrent) ||
    ('ReindexStmt' in node && flag(node.ReindexStmt.params, 'concurrently')) ||
    ('DropStmt' in node && node.DropStmt.concurrent) ||
    ('VacuumStmt' in node && node.VacuumStmt.is_vacuumcmd);
  if (refused) yield { rule: 'needs-no-transaction', message: 'it cannot run inside a transaction' };
}

const settings = new Set(['search_path', 'role', 'session_authorization']);
const databaseWide: Readonly<Record<string, string>> = {
  CreateSchemaStmt: 'it creates a schema',
  AlterObjectSchemaStmt: 'it moves an object to another schema',
  CreateExtensionStmt: 'it creates an extension',
  AlterExtensionStmt: 'it changes an extension',
  CreateRoleStmt: 'it creates a role',
  AlterRoleStmt: 'it changes a role',
  DropRoleStmt: 'it drops a role',
  GrantRoleStmt: 'it grants a role',
  CreatedbStmt: 'it creates a database',
  AlterDatabaseStmt: 'it changes a database',
  AlterSystemStmt: 'it changes the server',
  AlterOwnerStmt: 'it gives an object to another role',
};

function* ofTenantSchema(node: Node, sharedSchemas: readonly string[]): Iterable<Complaint> {
  const reason = Object.keys(node).map((key) => databaseWide[key])[0];
  if (reason !== undefined) yield { rule: 'leaves-tenant-schema', message: reason };
  if ('VariableSetStmt' in node && settings.has(node.VariableSetStmt.name ?? '')) {
    yield { rule: 'leaves-tenant-schema', message: `it sets ${node.VariableSetStmt.name}` };
  }
  const dropped = 'DropStmt' in node ? node.DropStmt.removeType : undefined;
  if (dropped === 'OBJECT_SCHEMA' || dropped === 'OBJECT_EXTENSION') {
    yield {
      rule: 'leaves-tenant-schema',
      message: `it drops ${dropped === 'OBJECT_SCHEMA' ? 'a schema' : 'an extension'}`,
    };
  }
  const readable = new Set([...sharedSchemas, 'pg_catalog']);
  for (const { schema, name, changed } of qualifiedNames(node)) {
    if (!changed && readable.has(schema)) continue;
    const which = changed && readable.has(schema) ? 'belongs to all tenants and is changed' : 'names a schema';
    yield { rule: 'qualified-name', message: `"${schema}"."${name}" ${which}` };
  }
}

function flag(options: readonly Node[] | undefined, name: string): boolean {
  const option = options
    ?.flatMap((node): DefElem[] => ('DefElem' in node ? [node.DefElem] : []))
    .find(({ defname }) => defname === name);
  if (!option) return false;
  const value = option.arg ? textOf(option.arg) : '';
  return !['false', 'off', '0'].includes(value.toLowerCase());
}
