import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../../../test/support/until.js';
import { type Market, openMarket } from './support/market.js';

const tenants = 40;
let market: Market;
beforeAll(async () => {
  market = await openMarket(tenants, [], 60);
});
afterAll(() => market.close());

interface Said {
  readonly inserted?: string;
  readonly deleted?: string;
  readonly tenant?: number;
  readonly tookMs?: number;
  readonly written?: number;
}

it(
  'has every row that the application was told is committed, once, in the right tenant, and no other',
  { timeout: 180_000 },
  async () => {
    const program = fileURLToPath(new URL('./support/writer.ts', import.meta.url));
    const writer = spawn(process.execPath, [program, market.database.url, `${tenants}`, '200'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [committed, said] = [new Map<string, number>(), [] as Said[]];
    createInterface({ input: writer.stdout }).on('line', (line) => {
      const document = JSON.parse(line) as Said;
      said.push(document);
      if (document.inserted !== undefined) committed.set(document.inserted, document.tenant ?? 0);
      if (document.deleted !== undefined) committed.delete(document.deleted);
    });
    const ended = once(writer, 'exit');
    await until('the writer writes', () => committed.size > 20);
    const adoption = await market.adoption();
    await market.run();
    // Under the writer too, what is not known to have changed is the same.
    expect(await adoption.verify()).toMatchObject({ same: true, differences: [] });
    const before = committed.size;
    await until('the writer has written more', () => committed.size > before + 100);
    await market.run();
    const { lockedMs } = await adoption.cutover();
    expect(await ended).toEqual([0, null]);
    expect(lockedMs).toBeLessThan(2000);
    await market.mustBeSame();
    const rows: { tenant: string; slug: string }[] = [];
    for (const { tenant_id: tenant } of await market.sql<{ tenant_id: string }>(
      'select tenant_id from tenantry.adoption_tenant',
    )) {
      const own = await market.sql<{ slug: string }>(
        `select slug from ${tenant}_shop.order_entry where slug like 'w%'`,
      );
      rows.push(...own.map(({ slug }) => ({ tenant, slug })));
    }
    const expected = [...committed].map(([slug, tenant]) => `${slug} c${tenant}`);
    expect(rows.map(({ slug, tenant }) => `${slug} ${tenant}`).toSorted()).toEqual(expected.toSorted());
    // Otherwise nothing was shown.
    expect(said.at(-1)?.written).toBeGreaterThan(50);
  },
);
