import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { contentsOf, expectRefused } from '../../../../test/support/expect-problem.js';
import { type RawAnswer, rawRequest, sendRaw } from '../../../../test/support/raw-http.js';
import { type ItemBody, openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let inventory: RunningService;
let client: string;
let item: string;
let before: unknown;
beforeAll(async () => {
  services = await openServices();
  const identity = await services.startIdentity();
  inventory = await services.startInventory();
  client = (await signUp(identity, 'Ada')).id;
  item = ((await send(inventory, 'POST', '/items', { client, body: { name: 'engine' } })).body as ItemBody).id;
  before = await contentsOf(services.database.admin);
});
afterAll(() => services.close());

/** Sends a body to both routes that take one, and expects the same refusal of both. */
async function refuse(body: string | Buffer, type = 'application/json'): Promise<RawAnswer> {
  const headers = [`x-client: ${client}`, `content-type: ${type}`];
  const [post, patch] = [
    await sendRaw(inventory, rawRequest('POST', '/items', headers, body)),
    await sendRaw(inventory, rawRequest('PATCH', `/items/${item}`, headers, body)),
  ];
  expect([post.status, expectRefused(post)]).toEqual([patch.status, expectRefused(patch)]);
  return post;
}

const detailOf = ({ body }: RawAnswer) => (JSON.parse(body) as { detail: string }).detail;
const errorsOf = ({ body }: RawAnswer) => (JSON.parse(body) as { errors?: string[] }).errors;

it.each([
  ['half an object', '{"name":'],
  ['no JSON at all', 'name=engine'],
  ['two values', '{"name":"a"}{"name":"b"}'],
  ['a comment', '{"name":"a"/**/}'],
  ['NaN', '{"name":NaN}'],
  ['100,000 open brackets', '['.repeat(100_000)],
  ['the key __proto__', '{"name":"a","__proto__":{"isAdmin":true}}'],
  ['a constructor with a prototype', '{"name":"a","constructor":{"prototype":{"isAdmin":true}}}'],
])('refuses %s: it is not valid JSON here', async (_, body) => {
  const answer = await refuse(body);
  expect(answer.status).toBe(400);
  expect(detailOf(answer)).toBe('The body is not valid JSON.');
  expect(Object.prototype).not.toHaveProperty('isAdmin');
});

it.each([
  ['an array', '[{"name":"a"}]'],
  ['an array in 5,000 others', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['a text', '"name"'],
  ['null', 'null'],
  ['a number', '1'],
  ['an unknown field', '{"name":"a","id":"01900000-0000-7000-8000-000000000000"}'],
  ['a field of the entity', '{"name":"a","createdAt":"2020-01-01T00:00:00Z"}'],
  ['a name that is a number', '{"name":1}'],
  ['a name that is an object', '{"name":{"$ne":null}}'],
  ['a name that is null', '{"name":null}'],
  ['an empty name', '{"name":""}'],
  ['a name of spaces', '{"name":" \\t\\n\\u00a0 "}'],
  ['a name with a NUL', '{"name":"a\\u0000b"}'],
  ['a name with a control character', '{"name":"a\\u0007b"}'],
  ['a name with a line break', '{"name":"a\\nb"}'],
  ['a name with half a surrogate pair', '{"name":"a\\ud800b"}'],
  ['a name of 201 characters', JSON.stringify({ name: 'x'.repeat(201) })],
  ['a name of 1,000,000 characters', JSON.stringify({ name: 'x'.repeat(1_000_000) })],
  [
    '3,000 unknown fields',
    JSON.stringify(Object.fromEntries(Array.from({ length: 3000 }, (__, index) => [`field ${index}`, 1]))),
  ],
])('refuses %s, and says what is wrong with the values', async (_, body) => {
  const answer = await refuse(body);
  expect(answer.status).toBe(400);
  expect(detailOf(answer)).toBe('The request has values that are not accepted.');
  expect(errorsOf(answer)).not.toEqual([]);
});

it('refuses text that is not UTF-8, instead of storing other text than was sent', async () => {
  for (const name of ['fa\xe7ade', '\xff', '\xed\xa0\x80', '\xf0\x9f\x90']) {
    const body = Buffer.from(`{"name":"${name}"}`, 'latin1');
    const headers = [`x-client: ${client}`, 'content-type: application/json'];
    const answer = await sendRaw(inventory, rawRequest('POST', '/items', headers, body));
    expectRefused(answer);
    expect(detailOf(answer)).toBe('The body is not valid JSON.');
  }
});

it('names the field and the limit', async () => {
  expect(errorsOf(await refuse('{"name":""}'))).toEqual(['name: Too small: expected string to have >=1 characters']);
  expect(errorsOf(await refuse('{"name":"a","colour":"red"}'))).toEqual(['Unrecognized key: "colour"']);
});

it('refuses a body over 1 MiB with 413', async () => {
  const answer = await refuse(JSON.stringify({ name: 'x'.repeat(1024 * 1024) }));
  expect([answer.status, detailOf(answer)]).toEqual([413, 'The body is too large.']);
});

it('refuses what is not sent as JSON with 415', async () => {
  for (const type of [
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'garbage',
    'application/jsonp',
    'application/x-www-form-urlencoded',
    'text/plain',
  ]) {
    const answer = await refuse('{"name":"a"}', type);
    expect([answer.status, detailOf(answer)]).toEqual([
      415,
      'The body is in a form that is not understood; send JSON as application/json.',
    ]);
  }
});

it('refuses an empty body', async () => {
  for (const method of ['POST', 'PATCH']) {
    const path = method === 'POST' ? '/items' : `/items/${item}`;
    const answer = await sendRaw(
      inventory,
      rawRequest(method, path, [`x-client: ${client}`, 'content-type: application/json', 'content-length: 0']),
    );
    expectRefused(answer);
    expect(detailOf(answer)).toBe('The body is empty; send JSON, or no content-type.');
    expectRefused(await sendRaw(inventory, rawRequest(method, path, [`x-client: ${client}`])));
  }
});

it('has changed nothing in the database', async () => {
  expect(await contentsOf(services.database.admin)).toEqual(before);
});

it('keeps a name of 200 characters, and every character that a name may have', async () => {
  for (const name of [
    'x'.repeat(200),
    '🐘'.repeat(100),
    `'; drop table item; --`,
    '\u202e\ufeffa',
    '?',
    '$1 {0} %s :name',
    'a\\b',
  ]) {
    expect(await send(inventory, 'POST', '/items', { client, body: { name } })).toMatchObject({
      status: 201,
      body: { name },
    });
  }
});
