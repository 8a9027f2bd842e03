import type { EntityName } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Tenancy } from '../tenancy.js';
import type { ProbeResult } from './attempt.js';
import { tenantEntities } from './entity-ground.js';
import { formatResults } from './format-results.js';
import { probe } from './probe.js';

/** What {@link expectNoLeak} looks at. */
export interface NoLeakOptions {
  /** Two tenants, served, with a schema. */
  readonly tenants: readonly [string, string];
  /**
   * Persists a few rows of the current tenant, in its scope; they are flushed, and stay. With it, the rows of one tenant are
   * also looked for in the other's tables.
   */
  readonly write?: (em: EntityManager, tenant: string) => unknown;
  /**
   * Names of attempts that cannot be made here and need not be, such as those with entities where no entity lives in tenant
   * schemas. Any other attempt that cannot be made fails: what was not tried was not refused.
   *
   * @default none
   */
  readonly notApplicable?: readonly string[];
}

/**
 * Proves that two tenants are kept apart, for your own suite: every attempt of {@link probe} is refused in both directions,
 * and rows that one writes do not appear at the other. Needs no test framework.
 *
 * @throws Error with a table of what was crossed, or could not be tried.
 * @example
 * await expectNoLeak(tenancy, orm.em, {
 *   tenants: ['acme', 'globex'],
 *   write: (em, tenant) => em.create(Item, { name: `of ${tenant}` }),
 * });
 */
export async function expectNoLeak(
  tenancy: Tenancy,
  em: EntityManager,
  { tenants, write, notApplicable = [] }: NoLeakOptions,
): Promise<void> {
  const [a, b] = tenants;
  if (write) {
    await expectWritesApart(tenancy, em, { by: a, other: b, write });
    await expectWritesApart(tenancy, em, { by: b, other: a, write });
  }
  for (const [as, target] of [tenants, [b, a] as const]) {
    const results = await probe(tenancy, em, { as, target });
    const crossed = results.filter(({ outcome }) => outcome === 'crossed');
    if (crossed.length > 0)
      throw new Error(
        `${crossed.length} of ${results.length} ways lead from "${as}" to "${target}":\n${formatResults(crossed)}`,
      );
    requireTried(results, notApplicable);
  }
}

/** An attempt that could not be made was not refused. */
function requireTried(results: readonly ProbeResult[], notApplicable: readonly string[]): void {
  const unknown = notApplicable.filter((each) => !results.some(({ name }) => name === each));
  if (unknown.length > 0) throw new Error(`There is no attempt ${unknown.map((name) => `"${name}"`).join(', ')}.`);
  const untried = results.filter(({ name, outcome }) => outcome === 'not-applicable' && !notApplicable.includes(name));
  if (untried.length > 0)
    throw new Error(
      `${untried.length} of ${results.length} ways could not be tried, so nothing was proven of them (name those that need not be in \`notApplicable\`):\n${formatResults(untried)}`,
    );
}

interface Writing {
  readonly by: string;
  readonly other: string;
  readonly write: (em: EntityManager, tenant: string) => unknown;
}

async function expectWritesApart(tenancy: Tenancy, em: EntityManager, { by, other, write }: Writing): Promise<void> {
  const [mineBefore, theirsBefore] = [await countRows(tenancy, em, by), await countRows(tenancy, em, other)];
  await tenancy.run(by, async () => {
    const fork = em.fork();
    await write(fork, by);
    await fork.flush();
  });
  const [mine, theirs] = [await countRows(tenancy, em, by), await countRows(tenancy, em, other)];
  const appeared = differences(theirsBefore, theirs, `rows of "${by}" appeared at "${other}"`);
  if (appeared.length > 0) throw new Error(`What "${by}" writes reaches "${other}":\n${formatResults(appeared)}`);
  if (differences(mineBefore, mine, '').length === 0)
    throw new Error(`write() wrote no row for "${by}", so nothing was proven.`);
}

type Counts = ReadonlyMap<string, number>;

async function countRows(tenancy: Tenancy, em: EntityManager, tenant: string): Promise<Counts> {
  return tenancy.run(tenant, async () => {
    const counts = new Map<string, number>();
    for (const { className, class: entity } of tenantEntities(em)) {
      counts.set(className, await em.fork().count(entity as EntityName<object>, {}, { filters: false }));
    }
    return counts;
  });
}

function differences(before: Counts, after: Counts, detail: string): ProbeResult[] {
  const changed = [...after].filter(([name, count]) => count !== before.get(name));
  return changed.map(([name]) => ({ name, outcome: 'crossed', detail }));
}
