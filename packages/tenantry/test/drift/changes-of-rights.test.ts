import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Change, expectFoundAndRepaired } from './change.js';
import { type Garden, openGarden } from './garden.js';

let garden: Garden;
beforeAll(async () => {
  garden = await openGarden();
  await garden.database.admin.query('create role drift_stranger');
});
afterAll(async () => {
  await garden.database.admin.query('drop owned by drift_stranger; drop role drift_stranger');
  await garden.close();
});

const changes: readonly Change[] = [
  {
    change: 'a grant on a table revoked',
    by: ['revoke insert, update on widget from "$"'],
    found: ['table widget: grants'],
    says: /^The tenant role lacks insert, update on table widget\.$/,
  },
  {
    change: 'a grant on a table given',
    by: ['grant select on widget to drift_stranger with grant option'],
    found: ['table widget: grants'],
    says: /^The role drift_stranger has select on table widget and may grant it on, which no migration gives\.$/,
  },
  {
    change: 'a grant on one column given',
    by: ['grant update (name) on widget to public'],
    found: ['column widget.name: grants'],
    says: /^Everybody \(public\) has update on column widget\.name/,
  },
  {
    change: 'a grant on a sequence revoked',
    by: ['revoke usage on sequence ticket from "$"'],
    found: ['sequence ticket: grants'],
    says: /lacks usage on sequence ticket/,
  },
  {
    change: 'a grant on the schema revoked',
    by: ['revoke usage on schema "$" from "$"'],
    found: ['schema : grants'],
    says: /^The tenant role lacks usage on the schema\.$/,
  },
  {
    change: 'a default privilege revoked',
    by: ['alter default privileges in schema "$" revoke insert on tables from "$"'],
    found: ['default privileges tables: grants'],
    says: /lacks insert on tables of later migrations/,
  },
  {
    change: 'all default privileges of sequences revoked',
    by: ['alter default privileges in schema "$" revoke all on sequences from "$"'],
    found: ['default privileges sequences: grants'],
    says: /lacks select, usage on sequences of later migrations/,
  },
  {
    change: 'the owner of a table changed',
    by: ['alter table widget owner to drift_stranger'],
    found: ['table widget: owner'],
    says: /^Table widget belongs to the role drift_stranger, not to the owner role\.$/,
  },
  {
    change: 'the owner of the schema changed',
    by: ['alter schema "$" owner to drift_stranger'],
    found: ['schema : owner'],
    says: /^The schema belongs to the role drift_stranger/,
  },
  {
    change: 'the owner of a type changed',
    by: ['alter type mood owner to drift_stranger'],
    found: ['type mood: owner'],
    says: /belongs to/,
  },
  {
    change: 'a tenant role that may log in',
    by: ['alter role "$" login createdb'],
    found: ['role : different'],
    says: /^The tenant role has login createdb/,
  },
  {
    change: 'a tenant role that the service may not switch to',
    by: ['revoke "$" from %service'],
    found: ['role : different'],
    says: /may not switch to the tenant role/,
  },
  {
    change: 'a tenant role that another role is a member of',
    by: ['grant "$" to drift_stranger'],
    found: ['role : different'],
    says: /^The role drift_stranger is a member of the tenant role, and so reaches this tenant's rows\.$/,
  },
  {
    change: 'a tenant role that another role may give on',
    by: ['grant "$" to drift_stranger with admin option'],
    found: ['role : different'],
    says: /^The role drift_stranger is a member/,
  },
  {
    change: 'a tenant role that the service may give on',
    by: ['grant "$" to %service with admin option'],
    found: ['role : different'],
    says: /^The service role may give the tenant role to others\.$/,
  },
  {
    change: 'a tenant role that is a member of another role',
    by: ['grant drift_stranger to "$"'],
    found: ['role : different'],
    says: /^The tenant role is a member of the role drift_stranger, and so this tenant reaches what that one may\.$/,
  },
  {
    change: 'a tenant role that may read everything',
    by: ['grant pg_read_all_data to "$"'],
    found: ['role : different'],
    says: /^The tenant role is a member of the role pg_read_all_data/,
  },
];

it('finds one tenant’s role granted to another from both sides, and without the repair rows are read across', async () => {
  const [one, other] = [await garden.signUp(), await garden.signUp()];
  const [mine, theirs] = [`"${one}_garden"`, `"${other}_garden"`];
  const { admin } = garden.database;
  await admin.query(`grant ${mine} to ${theirs}`);
  const crossing = async () => {
    const client = await admin.connect();
    try {
      await client.query(`begin; set local role ${theirs}`);
      return (await client.query(`select from ${mine}.maker`)).command;
    } finally {
      await client.query('rollback');
      client.release();
    }
  };
  expect(await crossing()).toBe('SELECT');
  const [mineFound] = await garden.differences(one);
  const [theirsFound] = await garden.differences(other);
  expect(mineFound?.words).toContain('is a member of the tenant role');
  expect(theirsFound?.words).toContain('The tenant role is a member of the role');
  expect(mineFound?.repair).toMatch(new RegExp(`^revoke ${mine} from "?${other}_garden"?`));
  expect(theirsFound?.repair).toMatch(new RegExp(`^revoke "?${one}_garden"? from ${theirs}`));
  await garden.tamper(one, mineFound?.repair ?? '');
  await expect(crossing()).rejects.toThrow('permission denied');
  expect(await garden.differences(one)).toEqual([]);
  expect(await garden.differences(other)).toEqual([]);
});

it('says nothing of an owner that may switch to the tenant role, or of who serves a tenant of that id in another database', async () => {
  const tenant = await garden.signUp();
  const { admin } = garden.database;
  await admin.query(`grant "${tenant}_garden" to current_user`);
  const neighbour = await openGarden();
  await neighbour.signUp(tenant);
  expect(await garden.differences(tenant)).toEqual([]);
  expect(await neighbour.differences(tenant)).toEqual([]);
  await neighbour.close();
});

describe('a shared schema', () => {
  const found = async (tenant: string) =>
    (await garden.differences(tenant)).filter(({ kind }) => kind === 'shared schema');
  afterEach(() => garden.database.admin.query("update tenantry.service set shared_schemas = '{}'"));

  it('is found where tenants may not use it, and its repair lets them', async () => {
    const { admin } = garden.database;
    const tenant = await garden.signUp();
    await admin.query("create schema drift_shared; update tenantry.service set shared_schemas = '{drift_shared}'");
    const [unusable] = await found(tenant);
    expect(unusable).toMatchObject({
      object: 'drift_shared',
      words: expect.stringContaining('may not use the shared schema drift_shared') as string,
      repair: 'grant usage on schema drift_shared to public;',
    });
    await garden.tamper(tenant, unusable?.repair ?? '');
    expect(await found(tenant)).toEqual([]);
    await admin.query('drop schema drift_shared');
    expect(await found(tenant)).toMatchObject([
      { words: expect.stringContaining('does not exist') as string, repair: null },
    ]);
  });
});

it.each(changes)('finds $change, and its repair puts it right', (change) => expectFoundAndRepaired(garden, change));
