import { describe, expect, it } from 'vitest';
import type {
  DoctorFacts,
  OwningFacts,
  PoolingFacts,
  RightsFacts,
  ServerFacts,
} from '../../src/doctor/doctor-facts.js';
import { findingsOf } from '../../src/doctor/findings-of.js';
import type { LoginFacts } from '../../src/isolation/login-facts.js';

const none = { count: 0, example: null };
const server: ServerFacts = {
  version: 180_001,
  maxConnections: 100,
  reservedConnections: 3,
  maxLocksPerTransaction: 64,
  maxPreparedTransactions: 0,
  fsync: true,
  fullPageWrites: true,
  synchronousCommit: true,
  tables: 100,
};
const service: LoginFacts = {
  role: 'web',
  superuser: false,
  bypassrls: false,
  createrole: false,
  inherit: false,
  owns: false,
  version: 180_001,
};
const rights: RightsFacts = {
  reached: none,
  publicised: none,
  openings: [],
  givenBack: [],
  memberships: none,
  eventTriggers: [],
  unfitSchemas: [],
  searchPaths: [],
};
const owning: OwningFacts = { role: 'owner', makesRoles: true, makesSchemas: true, keptOut: none, foreign: none };
const pooling: PoolingFacts = { serving: 'none', listening: 'none' };
const sound: DoctorFacts = {
  isolation: 'role',
  server,
  service,
  owner: 'owner',
  oneUrl: false,
  catalog: undefined,
  rights,
  owning,
  pooling,
  serving: {},
};

const found = (facts: Partial<DoctorFacts>) =>
  findingsOf({ ...sound, ...facts }).map(({ severity, code }) => `${severity} ${code}`);
const ofServer = (changed: Partial<ServerFacts>, more: Partial<DoctorFacts> = {}) =>
  found({ server: { ...server, ...changed }, ...more });

it('finds nothing where all is sound', () => {
  expect(found({})).toEqual([]);
});

describe('a limit is reached', () => {
  it('with the first version before 15 and the first after 18', () => {
    expect(ofServer({ version: 149_999 })).toEqual(['unsafe POSTGRESQL_TOO_OLD']);
    expect(ofServer({ version: 150_000 })).toEqual([]);
    expect(ofServer({ version: 189_999 })).toEqual([]);
    expect(ofServer({ version: 190_000 })).toEqual(['note POSTGRESQL_UNTESTED']);
  });

  it('with the first connection for which ordinary roles have no room, of all processes', () => {
    const connections = (count: number, processes?: number) => ({ serving: { connections: count, processes } });
    const many = ['weak CONNECTIONS_TOO_MANY'];
    expect(found(connections(97))).toEqual([]);
    expect(found(connections(98))).toEqual(many);
    expect(found(connections(48, 2))).toEqual([]);
    expect(found(connections(49, 2))).toEqual(many);
    // Ten of one process, where nothing is said.
    expect(ofServer({ maxConnections: 13 })).toEqual([]);
    expect(ofServer({ maxConnections: 12 })).toEqual(many);
    expect(ofServer({ maxConnections: 22 }, { serving: { processes: 2 } })).toEqual(many);
    // Behind a pooler they are not PostgreSQL's.
    for (const serving of ['transaction', 'unclear'] as const)
      expect(
        found({
          ...connections(98),
          pooling: { serving, listening: 'none' },
          serving: { connections: 98, transactionPooler: true },
        }),
      ).toEqual([]);
  });

  it('with the first table for which a dump has no lock', () => {
    const few = ['weak LOCKS_TOO_FEW'];
    expect(ofServer({ tables: 6400 })).toEqual([]);
    expect(ofServer({ tables: 6401 })).toEqual(few);
    expect(ofServer({ tables: 6410, maxPreparedTransactions: 10 })).toEqual([]);
    expect(ofServer({ tables: 7040, maxPreparedTransactions: 10 })).toEqual([]);
    expect(ofServer({ tables: 7041, maxPreparedTransactions: 10 })).toEqual(few);
  });

  it('with the last version that does not tell a pooler of the search path', () => {
    const tracking = (version: number, ...tracked: string[]) =>
      ofServer({ version }, { pooling: { ...pooling, tracked } });
    expect(tracking(179_999, 'search_path')).toEqual(['unsafe TRACKED_PARAMETERS_INERT']);
    expect(tracking(180_000, 'search_path')).toEqual(['note TRACKED_PARAMETERS_UNNEEDED']);
    expect(tracking(180_000, 'role')).toEqual(['unsafe TRACKED_PARAMETERS_INERT']);
    expect(tracking(180_000)).toEqual([]);
    expect(tracking(180_000, 'intervalstyle')).toEqual([]);
  });

  it('with the last version whose grants inherit as the login does', () => {
    const inheriting = (version: number) => found({ service: { ...service, inherit: true, version } });
    expect(inheriting(159_999)).toEqual(['unsafe SERVICE_ROLE_INHERITS']);
    expect(inheriting(160_000)).toEqual([]);
  });
});

describe('one is enough', () => {
  const one = { count: 1, example: 'fern_shop' };
  it.each<[string, Partial<RightsFacts>]>([
    ['unsafe SERVICE_ROLE_REACHES_TENANTS', { reached: one }],
    ['unsafe TENANTS_PUBLIC', { publicised: one }],
    ['unsafe TENANT_ROLES_ENTANGLED', { memberships: one }],
    ['note EVENT_TRIGGERS', { eventTriggers: ['watch'] }],
    ['weak SEARCH_PATH_PRESET', { searchPaths: [{ of: 'role', value: 'x' }] }],
    ['weak PUBLIC_SCHEMA_WRITABLE', { openings: ['revoke create on schema public from public'] }],
    ['weak HARDENING_INCOMPLETE', { openings: ['revoke temporary on database d from public'] }],
    ['weak HARDENING_UNDONE', { givenBack: [{ role: 'web', functions: 'f()' }] }],
  ])('for %s', (expected, changed) => {
    expect(found({ rights: { ...rights, ...changed } })).toEqual([expected]);
    // Nothing of it is known where there is no catalog that could name the tenant schemas.
    expect(found({ rights: undefined })).toEqual([]);
  });

  it.each<[string, Partial<OwningFacts>]>([
    ['unsafe OWNER_LACKS_SCHEMAS', { foreign: one }],
    ['unsafe OWNER_KEPT_OUT', { keptOut: one }],
    ['unsafe OWNER_MAKES_NO_TENANTS', { makesRoles: false }],
    ['unsafe OWNER_MAKES_NO_TENANTS', { makesSchemas: false }],
    ['unsafe OWNER_MAKES_NO_TENANTS', { makesRoles: false, makesSchemas: false }],
  ])('for %s, %j', (expected, changed) => {
    expect(found({ owning: { ...owning, ...changed } })).toEqual([expected]);
    expect(found({ owning: undefined })).toEqual([]);
  });

  it.each<[string, Partial<LoginFacts>]>([
    ['unsafe SERVICE_ROLE_SUPERUSER', { superuser: true }],
    ['unsafe SERVICE_ROLE_BYPASSES_RLS', { bypassrls: true }],
    ['unsafe SERVICE_ROLE_CREATES_ROLES', { createrole: true }],
    ['unsafe SERVICE_ROLE_OWNS_TENANTS', { owns: true }],
  ])('for %s', (expected, changed) => {
    expect(found({ service: { ...service, ...changed } })).toEqual([expected]);
  });

  it.each<[string, Partial<ServerFacts>]>([
    ['unsafe FSYNC_OFF', { fsync: false }],
    ['unsafe FULL_PAGE_WRITES_OFF', { fullPageWrites: false }],
    ['weak SYNCHRONOUS_COMMIT_OFF', { synchronousCommit: false }],
  ])('for %s', (expected, changed) => {
    expect(ofServer(changed)).toEqual([expected]);
  });

  it.each<[string, Partial<DoctorFacts>]>([
    ['unsafe OWNER_SERVES', { owner: 'web' }],
    ['weak ONE_URL', { oneUrl: true }],
    ['unsafe CATALOG_UNFIT', { catalog: 'It is not there.' }],
    ['weak POOLER_UNDECLARED', { pooling: { serving: 'transaction', listening: 'none' } }],
    ['weak LISTENS_THROUGH_POOLER', { pooling: { serving: 'none', listening: 'transaction' } }],
    ['note LISTENS_THROUGH_POOLER', { pooling: { serving: 'none', listening: 'unclear' } }],
    ['note LISTENS_TO_NOTHING', { pooling: { serving: 'none', listening: 'nowhere' } }],
  ])('for %s, %j', (expected, facts) => {
    expect(found(facts)).toEqual([expected]);
  });

  it('for none where nobody knows, or it was said', () => {
    expect(found({ pooling: { serving: 'unclear', listening: 'none' } })).toEqual([]);
    const declared = {
      serving: { transactionPooler: true },
      pooling: { serving: 'transaction', listening: 'none' } as const,
    };
    expect(found(declared)).toEqual([]);
    expect(found({ owner: undefined })).toEqual([]);
  });
});

it('asks of isolation by name only what it needs: no roles, and nothing hardened', () => {
  const byName = { isolation: 'schema' as const };
  const alone = ['unsafe ISOLATION_BY_NAME'];
  expect(found(byName)).toEqual(alone);
  expect(found({ ...byName, service: { ...service, superuser: true }, owner: 'web', oneUrl: true })).toEqual(alone);
  expect(found({ ...byName, owning: { ...owning, makesRoles: false } })).toEqual(alone);
  const one = { count: 1, example: 'fern_shop' };
  expect(found({ ...byName, owning: { ...owning, keptOut: one } })).toEqual(alone);
  expect(
    found({ ...byName, rights: { ...rights, reached: one, openings: ['revoke create on schema public from public'] } }),
  ).toEqual(alone);
  expect(found({ ...byName, owning: { ...owning, makesSchemas: false } })).toEqual([
    ...alone,
    'unsafe OWNER_MAKES_NO_TENANTS',
  ]);
  expect(found({ ...byName, rights: { ...rights, publicised: one } })).toEqual([...alone, 'unsafe TENANTS_PUBLIC']);
});

describe('what is said', () => {
  const change = (facts: Partial<DoctorFacts>) => findingsOf({ ...sound, ...facts })[0];

  it('counts: one by its name, more by their number and one of them', () => {
    const reached = (count: number) =>
      change({ rights: { ...rights, reached: { count, example: 'fern_shop' } } })?.sentence;
    expect(reached(1)).toContain('may use the tenant schema "fern_shop" without');
    expect(reached(2)).toContain('may use 2 tenant schemas, such as "fern_shop", without');
    const members = (count: number) =>
      change({ rights: { ...rights, memberships: { count, example: 'a to b' } } })?.sentence;
    expect(members(1)).toContain('1 membership that');
    expect(members(2)).toContain('2 memberships that');
  });

  it('names what is missing of the owner, and the statement that gives it', () => {
    expect(change({ owning: { ...owning, makesRoles: false } })).toMatchObject({
      sentence: expect.stringContaining('may not make roles') as string,
      change: expect.stringContaining('alter role "owner" createrole') as string,
    });
    for (const makesRoles of [true, false])
      expect(change({ owning: { ...owning, makesSchemas: false, makesRoles } })).toMatchObject({
        sentence: expect.stringContaining('may not make schemas') as string,
        change: expect.stringContaining('grant create on database … to "owner"') as string,
      });
  });

  it('leaves a fifth to grow in the number of locks', () => {
    const wanted = (tables: number) => change({ server: { ...server, tables } })?.change;
    expect(wanted(10_000)).toContain('max_locks_per_transaction to 120 and');
    expect(wanted(10_001)).toContain('max_locks_per_transaction to 121 and');
  });

  it('names the login, or the database, whose search path is set', () => {
    const path = (of: 'role' | 'database') =>
      change({ rights: { ...rights, searchPaths: [{ of, value: 'x' }] } })?.change;
    expect(path('role')).toBe('Run: alter role "web" reset search_path;');
    expect(path('database')).toBe('Run: alter database … reset search_path;');
  });
});

it('tells the worst first', () => {
  const facts = {
    server: { ...server, version: 190_000, fsync: false, synchronousCommit: false },
    pooling: { serving: 'none', listening: 'nowhere' } as const,
    oneUrl: true,
  };
  expect(found(facts).map((finding) => finding.split(' ')[0])).toEqual(['unsafe', 'weak', 'weak', 'note', 'note']);
});
