import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { expectRefused } from '../../../../test/support/expect-problem.js';
import { Widget } from '../../../../test/support/widgets.js';
import { allOf } from '../../src/resolution/all-of.js';
import { firstOf } from '../../src/resolution/first-of.js';
import { fromClaim } from '../../src/resolution/from-claim.js';
import { fromHeader } from '../../src/resolution/from-header.js';
import type { TenantResolver } from '../../src/resolution/tenant-resolver.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@Controller('widgets')
class WidgetsController {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  @Get(':id')
  async get(@Param('id') id: string): Promise<unknown> {
    return this.em.findOneOrFail(Widget, Number(id));
  }
}

const key = new TextEncoder().encode('a secret that is at least 32 bytes long');
const claim = fromClaim({ key, algorithms: ['HS256'] });
const tokenOf = (tenant: string) =>
  new SignJWT({ tenant }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('5 minutes').sign(key);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function withResolver(
  resolver: TenantResolver,
  test: (shop: NestShop, get: (token?: string, header?: string) => Promise<Response>) => Promise<void>,
): Promise<void> {
  const shop = await openNestShop({ controllers: [WidgetsController], database, tenancy: { resolver } });
  const get = async (token?: string, header?: string) => {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${await tokenOf(token)}` }),
      ...(header !== undefined && { 'x-client': header }),
    };
    // The first widget of each tenant has the id 1.
    return fetch(`${shop.url}/widgets/1`, { headers });
  };
  try {
    await test(shop, get);
  } finally {
    await shop.close();
  }
}

it('shows the tenant of the token, whatever the header says, with firstOf(claim, header)', async () => {
  await withResolver(firstOf(claim, fromHeader()), async ({ tenants: [first, second] }, get) => {
    expect(await (await get(first, second)).json()).toMatchObject({ id: 1, name: first });
    expect(await (await get(second, first)).json()).toMatchObject({ id: 1, name: second });
    expect(await (await get(first)).json()).toMatchObject({ name: first });
  });
});

it('refuses a token of one tenant with the header of another with allOf(claim, header): 403', async () => {
  await withResolver(allOf(claim, fromHeader()), async ({ tenants: [first, second] }, get) => {
    const answer = await get(first, second);
    expect(expectRefused({ status: answer.status, headers: answer.headers, body: await answer.json() })).toBe(
      'TENANCY_TENANT_MISMATCH',
    );
    expect(answer.status).toBe(403);
    expect(await (await get(first, first)).json()).toMatchObject({ name: first });
    for (const incomplete of [await get(first), await get(undefined, first), await get()])
      expect(incomplete.status).toBe(401);
  });
});

it('would be seen to fail: with the header alone the token of one tenant opens the other', async () => {
  await withResolver(fromHeader(), async ({ tenants: [first, second] }, get) => {
    expect(await (await get(first, second)).json()).toMatchObject({ name: second });
  });
});

it('answers 401 to a bad token, without a word of why', async () => {
  await withResolver(firstOf(claim, fromHeader()), async ({ url, tenants: [first] }) => {
    const answer = await fetch(`${url}/widgets/1`, {
      headers: { authorization: 'Bearer nonsense', 'x-client': first },
    });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      code: 'TENANCY_TOKEN_INVALID',
      detail: 'The bearer token could not be verified; send a valid one.',
    });
  });
});
