import { type Attempt, reached } from '../attempt.js';
import { type Ground, inFrom, readsForeign } from '../ground.js';
import { type OneConnection, onOneConnection, type RunSql } from '../one-connection.js';

/** What one tenant leaves on a pooled connection, and how the next one on it would notice. */
interface Leftover {
  readonly leave: (ground: Ground) => string;
  /** Runs in the scope of the tenant that comes next; resolves to what got through. */
  readonly notice: (ground: Ground, run: RunSql) => Promise<string | undefined>;
  /** Takes it away again where nothing refused it. */
  readonly clean: (ground: Ground) => string;
}

/** A key that nobody else uses. */
const lock = '7310296712431';

const leftovers: Readonly<Record<string, Leftover>> = {
  'leave a search_path on the connection': {
    leave: ({ from }) => `set search_path to "${from.schema}"`,
    notice: readsFirst,
    clean: () => 'reset search_path',
  },
  'leave a role on the connection': {
    leave: ({ from }) => `set role "${from.schema}"`,
    notice: ({ from }, run) => reached(`read ${from.table}`, run(`select 1 from ${from.table} limit 1`)),
    clean: () => 'reset role',
  },
  'leave a setting on the connection that changes how quotes are read': {
    leave: () => 'set standard_conforming_strings to off',
    notice: async (_, run) => {
      const [row] = (await run("select current_setting('standard_conforming_strings') as value")) as {
        value: string;
      }[];
      return row?.value === 'off' ? 'the next tenant ran with it' : undefined;
    },
    clean: () => 'reset standard_conforming_strings',
  },
  'leave a cursor with rows on the connection': {
    leave: ({ from }) => `declare tenantry_probe cursor with hold for select * from ${from.table}`,
    notice: (_, run) => reached("fetched from the other tenant's cursor", run('fetch all from tenantry_probe')),
    clean: () => 'close tenantry_probe',
  },
  'leave a prepared statement on the connection': {
    leave: ({ from }) => `prepare tenantry_probe as select 1 from ${from.table}`,
    notice: (_, run) => reached("executed the other tenant's statement", run('execute tenantry_probe')),
    clean: () => 'deallocate tenantry_probe',
  },
  "leave a temporary table in a tenant's place": {
    leave: ({ table, from }) => `create temporary table ${table} as select * from ${from.table}`,
    notice: async ({ table }, run) => {
      const [row] = await run(
        `select 1 from pg_class where oid = '${table.replaceAll("'", "''")}'::regclass and relpersistence = 't'`,
      );
      return row === undefined ? undefined : 'the next tenant read the temporary table';
    },
    clean: ({ table }) => `drop table pg_temp.${table}`,
  },
  'leave a lock of the session on the connection': {
    leave: () => `select pg_advisory_lock(${lock})`,
    notice: async (_, run) => {
      const [row] = (await run(`select pg_advisory_unlock(${lock}) as held`)) as { held: boolean }[];
      return row?.held ? "the next tenant held the other's lock" : undefined;
    },
    clean: () => 'select pg_advisory_unlock_all()',
  },
  'leave a lock of the session without waiting for it': {
    leave: () => `select pg_try_advisory_lock_shared(${lock})`,
    notice: async (_, run) => {
      const [row] = (await run(`select pg_advisory_unlock_shared(${lock}) as held`)) as { held: boolean }[];
      return row?.held ? "the next tenant held the other's lock" : undefined;
    },
    clean: () => 'select pg_advisory_unlock_all()',
  },
  'leave a seed on the connection that makes random numbers foreseeable': {
    leave: () => 'select setseed(0.5)',
    notice: async (_, run) => {
      const [next] = await run('select random() as number');
      await run('select setseed(0.5)');
      const [again] = await run('select random() as number');
      return JSON.stringify(next) === JSON.stringify(again) ? "the next tenant's random number was known" : undefined;
    },
    clean: () => 'select setseed(random())',
  },
  'leave a subscription on the connection': {
    leave: () => 'listen tenantry_probe',
    notice: async (_, run) =>
      (await run('select pg_listening_channels()')).length > 0 ? 'the connection went on listening' : undefined,
    clean: () => 'unlisten tenantry_probe',
  },
};

/** Here the other tenant leaves something on the connection, and the tenant that tries uses it next. */
function leaving({ leave, notice, clean }: Leftover, how: keyof OneConnection): Attempt['tryIt'] {
  return (given) => {
    const ground = { ...given, from: given.to, to: given.from };
    return inFrom(ground, (em) =>
      onOneConnection(em, async (one) => {
        await one[how](leave(ground));
        try {
          return await given.tenancy.run(given.from.tenant, () => notice(ground, one.run));
        } finally {
          await one.run(clean(ground)).catch(() => undefined);
        }
      }),
    );
  };
}

export const bySession: readonly Attempt[] = Object.entries(leftovers).flatMap(([name, leftover]) => [
  { name, tryIt: leaving(leftover, 'run') },
  { name: `${name}, through a stream`, tryIt: leaving(leftover, 'stream') },
]);

/** Without its schema's name the table must be the next tenant's own. */
function readsFirst(ground: Ground, run: RunSql): Promise<string | undefined> {
  return readsForeign({ ...ground, to: ground.from }, run, ground.table);
}
