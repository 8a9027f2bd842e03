import type { BenchDatabase } from './database.ts';
import { type BenchService, inventoryMain, startBenchService } from './service.ts';
import { fillItems, provisionTenants, tenantIds } from './tenants.ts';

/** Connections that serve, in every service here. */
export const poolSize = 7;
/** Of ten connections one listens and two are the reconciler's. */
const connections = `${poolSize + 3}`;
/** Items in a list. */
export const rowsShown = 20;
/** Seconds after which the services that are measured cold close their connections. */
const coldSeconds = 4;

/** A service, and the tenants that requests to it name. */
export interface Target {
  readonly name: string;
  readonly service: BenchService;
  readonly tenants: readonly string[];
}

/** What is measured, with which floors. */
export interface Targets {
  readonly plain: Target;
  readonly spread: Target;
  readonly one: Target;
  readonly many: Target;
  readonly bare: Target;
  /** The same as `spread` and `many`, in processes whose connections end between two turns. */
  readonly cold: { readonly spread: Target; readonly many: Target };
}

/** Starts the services with their tenants and rows. */
export async function startTargets(
  { url, admin }: BenchDatabase,
  services: BenchService[],
  many: number,
): Promise<Targets> {
  const ids = tenantIds(many);
  const start = async (name: string, file: string, tenants: readonly string[], cold = false): Promise<Target> => {
    const service = await startBenchService(file, {
      DATABASE_URL: url,
      POOL_SIZE: `${poolSize}`,
      TENANTRY_CONNECTIONS: connections,
      ...(cold && { POOL_IDLE_MS: `${coldSeconds}000`, TENANTRY_CONNECTION_IDLE_SECONDS: `${coldSeconds}` }),
    });
    services.push(service);
    return { name, service, tenants };
  };
  // Every target is sent requests of the same kind and number, so that the load costs the same; plain and bare do not look at it.
  const first = ids.map(() => ids[0] ?? '');
  const one = await start('tenancy, 1 tenant', inventoryMain, first);
  await provisionTenants(admin, ids);
  await admin.query(`create schema plain; create table plain.item (like "${ids[0]}_inventory".item including all)`);
  await fillItems(admin, ['plain', ...ids.map((id) => `${id}_inventory`)], rowsShown);
  await admin.query('vacuum analyze');
  const manyName = `tenancy, ${many} tenants`;
  const spread = ['plain, every schema', 'bench/services/spread.ts', ids] as const;
  return {
    one,
    plain: await start('plain', 'bench/services/plain.ts', first),
    spread: await start(...spread),
    many: await start(manyName, inventoryMain, ids),
    bare: await start('bare', 'bench/services/bare.ts', first),
    cold: { spread: await start(...spread, true), many: await start(manyName, inventoryMain, ids, true) },
  };
}

/** Compares only what does the same: every target has to answer with the same bytes. */
export async function requireEqualAnswers(targets: readonly Target[]): Promise<void> {
  const answers = await Promise.all(
    targets.map(async ({ service, tenants }) => {
      const response = await fetch(`${service.url}/items?limit=${rowsShown}`, {
        headers: tenants[0] ? { 'x-client': tenants[0] } : {},
      });
      return response.text();
    }),
  );
  const [first = ''] = answers;
  if (answers.some((answer) => answer !== first) || JSON.parse(first).length !== rowsShown) {
    throw new Error(`The services answer differently: ${answers.map((answer) => answer.slice(0, 80)).join(' | ')}`);
  }
}
