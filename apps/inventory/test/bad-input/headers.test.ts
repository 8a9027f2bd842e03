import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { contentsOf, expectRefused } from '../../../../test/support/expect-problem.js';
import { rawRequest, sendRaw } from '../../../../test/support/raw-http.js';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let inventory: RunningService;
let ada: string;
let before: unknown;
beforeAll(async () => {
  services = await openServices();
  const identity = await services.startIdentity();
  inventory = await services.startInventory();
  ada = (await signUp(identity, 'Ada')).id;
  await send(inventory, 'POST', '/items', { client: ada, body: { name: 'engine' } });
  before = await contentsOf(services.database.admin);
});
afterAll(() => services.close());

const refuse = async (...headers: string[]) =>
  expectRefused(await sendRaw(inventory, rawRequest('GET', '/items', headers)));

it.each([
  ['a quote', `a'b`],
  ['a double quote', 'a"b'],
  ['SQL', `a'; drop schema public cascade; --`],
  ['a dot', 'a.b'],
  ['a slash', 'a/b'],
  ['a way up', '../acme'],
  ['a backslash', 'a\\b'],
  ['a space inside', 'a b'],
  ['a percent sign', 'a%00b'],
  ['upper case', 'ACME'],
  ['an emoji', Buffer.from('🐘').toString('latin1')],
  ['letters that are not ASCII', Buffer.from('äcme').toString('latin1')],
  ['41 characters', 'a'.repeat(41)],
  ['64 characters', 'a'.repeat(64)],
  ['4000 characters', 'a'.repeat(4000)],
  ['an underscore at the end', 'acme_'],
  ['a hyphen at the start', '-acme'],
  ['a name of PostgreSQL', 'pg_catalog'],
  ['a prefix of PostgreSQL', 'pg_acme'],
  ['the public schema', 'public'],
  ['the information schema', 'information_schema'],
  ['the catalog', 'tenantry'],
  ['no role at all', 'none'],
  ['a parameter', '$1'],
  ['a key of every object', '__proto__'],
  ['nothing', ''],
  ['only space', '   '],
])('refuses a tenant id with %s', async (_, id) => {
  expect(await refuse(`x-client: ${id}`)).toBe('TENANCY_TENANT_ID_INVALID');
});

it('answers 404 for ids that look like other things but could be tenants', async () => {
  for (const id of ['null', 'undefined', 'true', '0', 'constructor', 'identity', 'a__b', 'a--b', 'a'.repeat(40)]) {
    expect(await refuse(`x-client: ${id}`)).toBe('TENANCY_TENANT_UNKNOWN');
  }
});

it('refuses two headers, also when both name the same tenant, and a list in one', async () => {
  expect(await refuse(`x-client: ${ada}`, 'x-client: other')).toBe('TENANCY_TENANT_AMBIGUOUS');
  expect(await refuse(`x-client: ${ada}`, `X-Client: ${ada}`)).toBe('TENANCY_TENANT_AMBIGUOUS');
  expect(await refuse(`x-client: ${ada},`)).toBe('TENANCY_TENANT_AMBIGUOUS');
  expect(await refuse(`x-client: ${ada}`, 'x-client:')).toBe('TENANCY_TENANT_AMBIGUOUS');
});

it('refuses bytes that no header may have, before any route', async () => {
  for (const header of [
    'x-client: a\0b',
    'x-client: a\u0001b',
    'x-client\0: a',
    'x client: a',
    'x-client',
    `x-client: ${'a'.repeat(20_000)}`,
  ]) {
    expect(await refuse(header)).toMatch(/^HTTP_(BAD_REQUEST|REQUEST_HEADER_FIELDS_TOO_LARGE)$/);
  }
});

it('reads the header whatever its case, and takes the space around the value away', async () => {
  for (const header of [`X-CLIENT: ${ada}`, `x-client:  ${ada}  `]) {
    expect(await sendRaw(inventory, rawRequest('GET', '/items', [header]))).toMatchObject({ status: 200 });
  }
});

it('has changed nothing in the database', async () => {
  expect(await contentsOf(services.database.admin)).toEqual(before);
});
