import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { channel, type Notification, notify, readNotification } from '../../src/catalog/notification.js';
import { tenantIdLengthMax } from '../../src/tenant/tenant-id.js';

const sqlFolder = new URL('../../sql/', import.meta.url);

let database: TestDatabase;
let listening: pg.Client;
const heard: (Notification | string)[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  listening = new pg.Client({ connectionString: database.url });
  await listening.connect();
  listening.on('notification', ({ payload = '' }) => heard.push(readNotification(payload) ?? payload));
  await listening.query(`listen ${pg.escapeIdentifier(channel)}`);
});
afterAll(async () => {
  await listening.end();
  await database.drop();
});
beforeEach(() => heard.splice(0));

/** What was heard of everything that was committed before. */
async function hear(): Promise<readonly (Notification | string)[]> {
  // A backend is told of what was committed before its statement began, once that is over.
  await listening.query('select');
  return heard.splice(0);
}

// One after the other: each leaves the rows that the next one changes.
it.each<[string, string, Notification[]]>([
  [
    'a tenant that signs up',
    "insert into tenantry.tenant (id, name) values ('acme', 'Acme')",
    [
      { subject: 'event', ids: ['1'] },
      { subject: 'tenant', ids: ['acme'] },
    ],
  ],
  [
    'a tenant that changes',
    "update tenantry.tenant set status = 'suspended' where id = 'acme'",
    [
      { subject: 'event', ids: ['2'] },
      { subject: 'tenant', ids: ['acme'] },
    ],
  ],
  [
    'a service that ships another head',
    "insert into tenantry.service (name, service_role, head) values ('shop', current_user, '000001')",
    [{ subject: 'service', ids: ['shop'] }],
  ],
  [
    'a schema that is made',
    `insert into tenantry.tenant_schema (schema_name, tenant_id, service, role_name, service_role)
     values ('acme_shop', 'acme', 'shop', 'acme_shop', current_user)`,
    [{ subject: 'schema', ids: ['acme'] }],
  ],
  [
    'a schema that moves',
    "update tenantry.tenant_schema set head = '000001' where tenant_id = 'acme'",
    [{ subject: 'schema', ids: ['acme'] }],
  ],
  ['a schema that is dropped', 'delete from tenantry.tenant_schema', [{ subject: 'schema', ids: ['acme'] }]],
  [
    'a tenant that gets another id, to those who know it by either',
    "update tenantry.tenant set id = 'emca' where id = 'acme'",
    [
      { subject: 'event', ids: ['3'] },
      { subject: 'tenant', ids: ['acme', 'emca'] },
    ],
  ],
  ['a tenant that is erased', "delete from tenantry.tenant where id = 'emca'", [{ subject: 'tenant', ids: ['emca'] }]],
])('tells of %s, in words that every process understands', async (_, statement, expected) => {
  await database.admin.query(statement);
  const told = await hear();
  expect(told.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toEqual(expected);
});

it('sends no message from SQL that it could not read', async () => {
  const sent: string[] = [];
  for (const file of await readdir(sqlFolder))
    for (const [, to, subject] of (await readFile(new URL(file, sqlFolder), 'utf8')).matchAll(
      /pg_notify\(([^,]+), '(\w+:)'/g,
    )) {
      expect([file, to]).toEqual([file, `'${channel}'`]);
      sent.push(subject ?? '');
    }
  expect(sent.map((message) => readNotification(message)?.subject)).not.toContain(undefined);
  // Otherwise the look saw nothing.
  expect(new Set(sent)).toEqual(new Set(['tenant:', 'schema:', 'service:', 'event:']));
});

it('tells of any number of tenants, however long their ids are', async () => {
  const ids = Array.from({ length: 1000 }, (_, at) => String(at).padStart(tenantIdLengthMax, '0'));
  await notify(database.admin, 'schema', ids);
  const told = (await hear()) as Notification[];
  expect(told.length).toBeGreaterThan(1);
  expect(told.map(({ subject }) => subject)).not.toContain('event');
  expect(told.flatMap((each) => each.ids)).toEqual(ids);
});

it('reads nothing into a message that somebody else sent', () => {
  for (const payload of ['', 'tenants:acme', 'acme', ':', 'constructor:x'])
    expect(readNotification(payload)).toBeUndefined();
});
