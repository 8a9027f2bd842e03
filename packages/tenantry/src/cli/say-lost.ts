import type pg from 'pg';
import { findBehind } from '../provision/find-behind.js';

const lookedAtMax = 1000;

/**
 * What is to be said of tenants that are at head in the catalog, while PostgreSQL lacks their schema, their role or its rights:
 * somebody dropped it, or a dump was restored without its roles.
 */
export async function sayLost(
  owner: Pick<pg.Pool, 'query'>,
  service: string,
  tenants: readonly string[] | undefined,
): Promise<string | undefined> {
  const gaps = await findBehind(owner, lookedAtMax);
  const lost = gaps.filter((gap) => gap.lost && gap.service === service && (tenants?.includes(gap.tenant) ?? true));
  const [first] = lost;
  if (!first) return undefined;
  const which =
    lost.length === 1 ? `tenant ${first.tenant} has` : `${lost.length} tenants, such as ${first.tenant}, have`;
  return `${service}: ${which} no schema, no role or no rights in PostgreSQL; tenantry drift names each, with the SQL that gives it back`;
}
