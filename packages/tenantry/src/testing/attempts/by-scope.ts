import { quoteLiteral } from '../../postgres/quote.js';
import { type Attempt, reached } from '../attempt.js';
import { type Ground, inFrom, inTo, readsForeign, rolledBack } from '../ground.js';
import { onOneConnection } from '../one-connection.js';

const inCatalog = <T>({ tenancy }: Ground, fn: () => Promise<T>) => tenancy.runInCatalog(fn);

/** The same statements, in no scope and in the catalog scope. */
const statements: Readonly<Record<string, (ground: Ground) => string>> = {
  'read a tenant table by name': ({ to }) => `select * from ${to.table} limit 1`,
  'read a table without naming a schema': ({ table }) => `select * from ${table} limit 1`,
  'switch role inside one select': ({ to }) =>
    `select set_config('role', ${quoteLiteral(to.schema)}, true), query_to_xml('select * from ${to.table} limit 1', true, false, '')`,
  'create a table in public': () => 'create table public.tenantry_probe ()',
  'read the password of the serving login': () => 'select password from tenantry.service_login',
  'write the ledger': () => 'delete from tenantry.ledger where false',
};

export const byScope: readonly Attempt[] = [
  ...Object.entries(statements).flatMap(([name, sql]): Attempt[] => [
    {
      name: `${name}, in the catalog scope`,
      tryIt: (ground) =>
        inCatalog(ground, () =>
          rolledBack(ground.em.fork(), (em) => reached(`ran: ${sql(ground)}`, em.execute(sql(ground)))),
        ),
    },
    {
      name: `${name}, in no scope`,
      tryIt: (ground) => rolledBack(ground.em.fork(), (em) => reached(`ran: ${sql(ground)}`, em.execute(sql(ground)))),
    },
  ]),
  {
    name: 'set local role, then select, in the catalog scope',
    tryIt: (ground) =>
      inCatalog(ground, () =>
        rolledBack(ground.em.fork(), async (em) => {
          await em.execute(`set local role "${ground.to.schema}"`);
          return reached(`read ${ground.to.table}`, em.execute(`select * from ${ground.to.table} limit 1`));
        }),
      ),
  },
  {
    name: "read other sessions' statements, in the catalog scope",
    tryIt: (ground) =>
      inCatalog(ground, async () => {
        const sql =
          "select 1 from pg_stat_activity where pid <> pg_backend_pid() and query not in ('', '<insufficient privilege>')";
        const rows = await ground.em.fork().execute<unknown[]>(sql);
        return rows.length > 0 ? `read ${rows.length} statements` : undefined;
      }),
  },
  {
    name: 'use a transaction of the other tenant',
    tryIt: (ground) =>
      inTo(ground, (em) =>
        rolledBack(em, (theirs) =>
          inFrom(ground, () => reached('the statement ran', theirs.execute(`select * from ${ground.table} limit 1`))),
        ),
      ),
  },
  {
    name: 'use a connection that the other tenant holds',
    tryIt: (ground) =>
      inTo(ground, (em) =>
        onOneConnection(em, ({ run }) => inFrom(ground, () => readsForeign(ground, run, ground.table))),
      ),
  },
  {
    name: 'stream outside a transaction',
    tryIt: (ground) =>
      inFrom(ground, async (em) => {
        for await (const row of em.getConnection().stream(`select * from ${ground.to.table} limit 1`))
          return `streamed ${JSON.stringify(row)}`;
        return 'streamed';
      }),
  },
  {
    name: 'select through Kysely with the other schema',
    tryIt: (ground) =>
      inFrom(ground, (em) => {
        const name = ground.table.slice(1, -1).replaceAll('""', '"');
        const kysely = em.getKysely<Record<string, Record<string, unknown>>>();
        return reached(
          'read through Kysely',
          kysely.withSchema(ground.to.schema).selectFrom(name).selectAll().limit(1).execute(),
        );
      }),
  },
];
