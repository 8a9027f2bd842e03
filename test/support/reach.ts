import type { TenancyOptions } from '../../packages/tenantry/src/options.js';
import { Tenancy } from '../../packages/tenantry/src/tenancy.js';
import type { TestDatabase } from './database.js';
import { madeLogin } from './logins.js';
import { isolation, pooler } from './mode.js';
import { startPgBouncer } from './pgbouncer.js';

/** How a service reaches the database of its test. */
export interface Reach {
  readonly options: Pick<TenancyOptions, 'url' | 'ownerUrl' | 'isolation' | 'transactionPooler'>;
  /** Call it before the database is dropped. */
  close(): Promise<void>;
}

/** The way of the mode that TEST_ISOLATION and TEST_POOLER choose. */
export async function reachInMode(database: TestDatabase): Promise<Reach> {
  if (pooler === 'none') return { options: { url: database.url, isolation }, close: async () => undefined };
  const pgbouncer = await startPgBouncer(4);
  return {
    options: {
      url: pgbouncer.through(isolation === 'role' ? await servingUrl(database) : database.url),
      ownerUrl: database.url,
      isolation,
      transactionPooler: true,
    },
    close: () => pgbouncer.stop(),
  };
}

/** Of the login that a first process makes. */
async function servingUrl(database: TestDatabase): Promise<string> {
  const tenancy = await Tenancy.start({ url: database.url, reconcile: { automatic: false } });
  await tenancy.stop();
  return (await madeLogin(database)).url;
}
