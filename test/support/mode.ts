export const isolations = ['role', 'schema'] as const;
export const poolers = ['none', 'pgbouncer'] as const;

/** How the services of this test run keep tenants apart. */
export const isolation = oneOf('TEST_ISOLATION', isolations);

/** What stands between them and PostgreSQL. */
export const pooler = oneOf('TEST_POOLER', poolers);

const everything = ['{packages,apps}/*/{src,test}/**/*.test.ts', 'test/**/*.test.ts'];

/** What feature code sees, which is the same in every mode. */
const everyMode = ['apps/*/test/**/*.test.ts', 'packages/tenantry/test/{catalog,context,orms}/**/*.test.ts'];
const everyModeWithRoles = [...everyMode, 'packages/tenantry/test/lifecycle/**/*.test.ts'];

/** Where tenants are kept apart by name there are no roles, and no login that only serves. */
const aboutRoles = [
  'apps/inventory/test/items/{asks-nobody-without-a-tenant,not-ready}.test.ts',
  'apps/inventory/test/bad-input/internal-errors.test.ts',
  'apps/identity/test/users/{migrate,suspend}.test.ts',
  'packages/tenantry/test/orms/mikro-orm/routines.test.ts',
];

/** The test files of this mode: by default all of them, otherwise those that the mode makes a difference to. */
export const testFiles = {
  include: isolation === 'schema' ? everyMode : pooler === 'none' ? everything : everyModeWithRoles,
  exclude: isolation === 'schema' ? aboutRoles : [],
};

function oneOf<const T extends string>(variable: string, values: readonly [T, ...T[]]): T {
  const given = process.env[variable] ?? values[0];
  const found = values.find((value) => value === given);
  if (found === undefined) throw new Error(`${variable} is one of ${values.join(', ')}, not ${given}`);
  return found;
}
