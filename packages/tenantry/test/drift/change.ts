import { expect } from 'vitest';
import type { Garden } from './garden.js';

/** Something that is done to a tenant schema past all migrations. */
export interface Change {
  readonly change: string;
  /** `"$"` stands for the tenant's schema and role, `%service` for the login that serves. */
  readonly by: readonly string[];
  /** `kind object: problem`. */
  readonly found: readonly string[];
  /** What the first difference says. */
  readonly says: RegExp;
}

/** Makes the change in a new tenant, sees that exactly it is found, applies the repairs and sees that nothing is left. */
export async function expectFoundAndRepaired(garden: Garden, { by, found, says }: Change): Promise<void> {
  const tenant = await garden.signUp();
  const login = `"tenantry_${garden.database.name}"`;
  const own = (statement: string) => statement.replaceAll('"$"', `"${tenant}_garden"`).replace('%service', login);
  await garden.tamper(tenant, ...by.map(own));
  const differences = await garden.differences(tenant);
  expect(differences.map(({ kind, object, problem }) => `${kind} ${object}: ${problem}`).toSorted()).toEqual(
    found.toSorted(),
  );
  expect(differences[0]?.words).toMatch(says);
  for (const { repair } of differences) await garden.tamper(tenant, repair ?? 'not repairable');
  expect(await garden.differences(tenant)).toEqual([]);
}
