import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { contentsOf, expectRefused } from '../../../../test/support/expect-problem.js';
import { rawRequest, sendRaw } from '../../../../test/support/raw-http.js';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let inventory: RunningService;
let client: string;
beforeAll(async () => {
  services = await openServices();
  const identity = await services.startIdentity();
  inventory = await services.startInventory();
  client = (await signUp(identity, 'Ada')).id;
  await send(inventory, 'GET', '/items', { client });
});
afterAll(() => services.close());

const runs = { numRuns: 150 };
/** Any byte but the two that end a line; the server has to answer for the rest. */
const headerValue = fc
  .string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 80 })
  .map((text) => text.replaceAll(/[\r\n]/g, ''));
const text = fc.string({ unit: 'binary', maxLength: 250 });
const json = fc.jsonValue({ maxDepth: 4 });
const almostAnItem = fc.record({ name: fc.oneof(text, json), extra: json }, { requiredKeys: [] });

it('refuses any header that names no tenant, and changes nothing', async () => {
  const before = await contentsOf(services.database.admin);
  await fc.assert(
    fc.asyncProperty(headerValue, async (value) => {
      expectRefused(await sendRaw(inventory, rawRequest('GET', '/items', [`x-client: ${value}`])));
    }),
    runs,
  );
  expect(await contentsOf(services.database.admin)).toEqual(before);
});

it('answers any JSON with 201 and the same name, or with a refusal', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(almostAnItem, json), async (body) => {
      const answer = await send(inventory, 'POST', '/items', { client, body });
      if (answer.status !== 201) expectRefused(answer);
      else expect(answer.body).toMatchObject({ name: (body as { name: string }).name.trim() });
    }),
    runs,
  );
});

it('refuses any bytes as a body that are no JSON', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
      fc.constantFrom('application/json', 'text/plain', '*/*'),
      async (bytes, type) => {
        expectRefused(
          await sendRaw(
            inventory,
            rawRequest('POST', '/items', [`x-client: ${client}`, `content-type: ${type}`], Buffer.from(bytes)),
          ),
        );
      },
    ),
    runs,
  );
});

it('refuses any path and query that are none of its addresses', async () => {
  const part = fc
    .string({ unit: 'binary-ascii', maxLength: 30 })
    .map((value) => encodeURIComponent(value.toWellFormed()));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('/items/', '/items?limit=', '/items?after=x', '/'), part, async (start, rest) => {
      const path = start + rest;
      fc.pre(!/^\/items\?limit=0*[1-9]\d{0,2}$|^\/docs/.test(path));
      const answer = await sendRaw(inventory, rawRequest('GET', path, [`x-client: ${client}`]));
      if (answer.status !== 200) expectRefused(answer);
      else expect(Number(new URLSearchParams(path.split('?')[1]).get('limit'))).toBeGreaterThan(0);
    }),
    runs,
  );
});
