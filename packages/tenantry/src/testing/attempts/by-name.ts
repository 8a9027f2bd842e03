import { type Attempt, reached } from '../attempt.js';
import { NotApplicable } from '../not-applicable.js';
import { type Ground, inFrom, rolledBack } from '../ground.js';

/** Statements that name what belongs to somebody else; each goes alone, in a transaction that is rolled back. */
const statements: Readonly<Record<string, (ground: Ground) => string>> = {
  'select from its table': ({ to }) => `select * from ${to.table} limit 1`,
  'insert into its table': ({ to }) => `insert into ${to.table} select * from ${to.table} limit 0`,
  'update its table': ({ to, column }) => `update ${to.table} set ${column} = ${column} where false`,
  'delete from its table': ({ to }) => `delete from ${to.table} where false`,
  'truncate its table': ({ to }) => `truncate ${to.table} cascade`,
  'lock its table': ({ to }) => `lock table ${to.table} in access share mode`,
  'copy its table out': ({ to }) => `copy ${to.table} to stdout`,
  'read it through XML functions': ({ to }) =>
    `select query_to_xml('select * from ${to.table} limit 1', true, false, '')`,
  'join it with a table of its own': ({ from, to }) => `select 1 from ${from.table} cross join ${to.table} limit 1`,
  'add a column to its table': ({ to }) => `alter table ${to.table} add column tenantry_probe int`,
  'drop its table': ({ to }) => `drop table ${to.table} cascade`,
  'create a table in its schema': ({ to }) => `create table "${to.schema}".tenantry_probe ()`,
  'drop its schema': ({ to }) => `drop schema "${to.schema}" cascade`,
  'create a table in its own schema': ({ from }) => `create table "${from.schema}".tenantry_probe ()`,
  'create a table in public': () => 'create table public.tenantry_probe ()',
  'create a schema': () => 'create schema tenantry_probe',
  'create a function in public': () => "create function public.tenantry_probe() returns int language sql as 'select 1'",
  'create a role': () => 'create role tenantry_probe',
  'create a large object': () => "select lo_from_bytea(0, 'probe')",
  'read all large objects': () => 'select data from pg_largeobject limit 1',
  'read a file of the server': () => "select pg_read_file('PG_VERSION')",
  'run a program on the server': () => "copy (select 1) to program 'cat > /dev/null'",
  'read the password of the serving login': () => 'select password from tenantry.service_login',
  'write tenants in the catalog': () => 'update tenantry.tenant set name = name where false',
  'write tenant schemas in the catalog': () => 'update tenantry.tenant_schema set role_name = role_name where false',
  'write the ledger': () => 'delete from tenantry.ledger where false',
  'write migrations in the catalog': () => 'update tenantry.migration set statements = statements where false',
  'read the tenants in the catalog': () => 'select name from tenantry.tenant limit 1',
};

export const byName: readonly Attempt[] = [
  ...Object.entries(statements).map(([name, sql]) => ({
    name,
    tryIt: (ground: Ground) =>
      inFrom(ground, (em) => rolledBack(em, (inner) => reached(`ran: ${sql(ground)}`, inner.execute(sql(ground))))),
  })),
  {
    name: 'read what the planner knows of its columns',
    tryIt: (ground) =>
      inFrom(ground, (em) => rowsOf(em.execute('select 1 from pg_stats where schemaname = ?', [ground.to.schema]))),
  },
  {
    name: "read other sessions' statements",
    tryIt: (ground) =>
      inFrom(ground, (em) =>
        rowsOf(
          em.execute(
            "select 1 from pg_stat_activity where pid <> pg_backend_pid() and query not in ('', '<insufficient privilege>')",
          ),
        ),
      ),
  },
  {
    name: 'read a sequence of it',
    tryIt: (ground) =>
      inFrom(ground, async (em) => {
        const find =
          "select relname as name from pg_class where relnamespace = (select oid from pg_namespace where nspname = ?) and relkind = 'S'";
        const [sequence] = await em.execute<{ name: string }[]>(find, [ground.to.schema]);
        if (!sequence) throw new NotApplicable('it has no sequence');
        return reached(
          'read a sequence',
          em.execute(`select last_value from "${ground.to.schema}"."${sequence.name}"`),
        );
      }),
  },
];

async function rowsOf(running: Promise<unknown>): Promise<string | undefined> {
  const rows = (await running) as unknown[];
  return rows.length > 0 ? `read ${rows.length} rows` : undefined;
}
