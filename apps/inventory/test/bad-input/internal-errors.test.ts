import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { expectProblem } from '../../../../test/support/expect-problem.js';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let inventory: RunningService;
let client: string;
let schema: string;
beforeAll(async () => {
  services = await openServices();
  const identity = await services.startIdentity();
  inventory = await services.startInventory({ statementTimeoutMs: 200 });
  client = (await signUp(identity, 'Ada')).id;
  schema = `"${client}_inventory"`;
  await send(inventory, 'GET', '/items', { client });
});
afterAll(() => services.close());

const list = () => send(inventory, 'GET', '/items', { client });
const post = () => send(inventory, 'POST', '/items', { client, body: { name: 'engine' } });

/** Breaks something for one request, and repairs it. */
async function broken(breakIt: string, repair: string, request = list): Promise<[number, string]> {
  const { admin } = services.database;
  await admin.query(breakIt);
  try {
    const answer = await request();
    return [answer.status, expectProblem(answer)];
  } finally {
    await admin.query(repair);
  }
}

it('tells nothing when a right is missing', async () => {
  expect(
    await broken(`revoke select on ${schema}.item from ${schema}`, `grant select on ${schema}.item to ${schema}`),
  ).toEqual([500, 'TENANCY_ACCESS_DENIED']);
});

it('tells nothing when the tenant role is missing from the service role', async () => {
  const { rows } = await services.database.admin.query<{ role_name: string }>(
    'select role_name from tenantry.service_login',
  );
  const role = `"${rows[0]?.role_name}"`;
  // The login does not inherit, which before PostgreSQL 16 a grant could not say.
  expect(await broken(`revoke ${schema} from ${role}`, `grant ${schema} to ${role}`)).toEqual([
    500,
    'TENANCY_SCOPE_REFUSED',
  ]);
});

it('tells nothing when a table or a column is missing', async () => {
  expect(
    await broken(`alter table ${schema}.item rename to things`, `alter table ${schema}.things rename to item`),
  ).toEqual([500, 'HTTP_INTERNAL_SERVER_ERROR']);
  expect(
    await broken(
      `alter table ${schema}.item rename name to title`,
      `alter table ${schema}.item rename title to name`,
      post,
    ),
  ).toEqual([500, 'HTTP_INTERNAL_SERVER_ERROR']);
});

it('tells nothing of the constraint that refused a change', async () => {
  const drop = `alter table ${schema}.item drop constraint secret_rule`;
  expect(
    await broken(`alter table ${schema}.item add constraint secret_rule check (name <> 'engine')`, drop, post),
  ).toEqual([400, 'TENANCY_VALUE_INVALID']);
  await services.database.admin.query(`insert into ${schema}.item values (gen_random_uuid(), 'engine', now(), now())`);
  expect(await broken(`alter table ${schema}.item add constraint secret_rule unique (name)`, drop, post)).toEqual([
    409,
    'TENANCY_CONFLICT',
  ]);
});

it('answers 503 with Retry-After when a statement takes too long, and tells nothing of it', async () => {
  const locker = await services.database.admin.connect();
  try {
    await locker.query(`begin; lock table ${schema}.item`);
    const answer = await list();
    expect([answer.status, answer.headers.get('retry-after'), expectProblem(answer)]).toEqual([
      503,
      '1',
      'TENANCY_STATEMENT_TIMEOUT',
    ]);
  } finally {
    await locker.query('rollback');
    locker.release();
  }
});

it('serves as before when what was broken is repaired', async () => {
  expect(await list()).toMatchObject({ status: 200 });
  expect(await post()).toMatchObject({ status: 201 });
});
