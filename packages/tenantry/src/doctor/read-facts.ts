import type pg from 'pg';
import { requireCatalog } from '../catalog/install-catalog.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { readLoginFacts, type LoginFacts } from '../isolation/login-facts.js';
import type { IsolationMode } from '../isolation/scope-settings.js';
import { connectionTarget } from '../postgres/connection-url.js';
import type { DoctorFacts, PoolingFacts, ServingFacts } from './doctor-facts.js';
import { readOwning } from './read-owning.js';
import { readPooling, readTracked } from './read-pooling.js';
import { readRights } from './read-rights.js';
import { readServer } from './read-server.js';
import { type NamedUrl, withConnection } from './with-connection.js';

/** What is looked at: the same that a process is started with. */
export interface DoctorTarget {
  readonly url: string;
  readonly ownerUrl?: string | undefined;
  /** @default 'role' */
  readonly isolation?: IsolationMode | undefined;
  readonly serving?: ServingFacts | undefined;
}

/**
 * Reads everything that decides whether the promises hold, in a few queries for any number of tenants; changes nothing.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID`, `TENANCY_DATABASE_UNAVAILABLE`.
 */
export async function readFacts({
  url,
  ownerUrl,
  isolation = 'role',
  serving = {},
}: DoctorTarget): Promise<DoctorFacts> {
  const target: NamedUrl = { url: connectionTarget(url, 'url').url, variable: 'DATABASE_URL' };
  const given = await withConnection(target, (client) => readLoginFacts(client));
  const owner: NamedUrl | undefined =
    ownerUrl === undefined
      ? undefined
      : { url: connectionTarget(ownerUrl, 'ownerUrl').url, variable: 'DATABASE_OWNER_URL' };
  const pooling = await readAllPooling(target, owner, serving);
  return withConnection(owner ?? target, async (client) => {
    const catalog = await whyCatalogIsUnfit(client, (owner ?? target).variable);
    const madeFrom = owner === undefined && isolation === 'role' && (given.superuser || given.createrole);
    const made = madeFrom && catalog === undefined ? await readMadeLogin(client) : undefined;
    const service = made ?? given;
    return {
      isolation,
      server: await readServer(client),
      service,
      owner: owner === undefined ? undefined : (await readLoginFacts(client)).role,
      oneUrl: made !== undefined,
      catalog,
      rights: catalog === undefined ? await readRights(client, service.role, isolation) : undefined,
      owning: catalog === undefined && (owner !== undefined || madeFrom) ? await readOwning(client) : undefined,
      pooling,
      serving,
    };
  });
}

async function whyCatalogIsUnfit(client: pg.Client, variable: string): Promise<string | undefined> {
  try {
    await requireCatalog(client, variable);
    return undefined;
  } catch (error) {
    if (error instanceof TenancyError) return error.operatorMessage;
    throw error;
  }
}

/**
 * With one URL the processes serve with a login that Tenantry made, so its facts are read, and not those of the URL's
 * role.
 */
async function readMadeLogin(client: pg.Client): Promise<LoginFacts | undefined> {
  const { rows } = await client.query<{ role: string }>(
    `select role_name as role from tenantry.service_login join pg_catalog.pg_roles on rolname = role_name limit 1`,
  );
  return rows[0] && readLoginFacts(client, rows[0].role);
}

async function readAllPooling(
  given: NamedUrl,
  owner: NamedUrl | undefined,
  serving: ServingFacts,
): Promise<PoolingFacts> {
  const before = await readPooling(given);
  const { transactionPooler, listenUrl = transactionPooler ? (owner?.url ?? false) : given.url } = serving;
  const variable = listenUrl === owner?.url ? owner.variable : '`listenUrl`';
  return {
    serving: before,
    listening:
      listenUrl === false
        ? 'nowhere'
        : listenUrl === given.url
          ? before
          : await readPooling({ url: listenUrl, variable }),
    tracked: before === 'none' ? undefined : await readTracked(given),
  };
}
