import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeBehindPgBouncer } from '../../../../test/support/describe-behind-pgbouncer.js';
import { openPooledShop, type PooledShop } from '../../../../test/support/pooled-shop.js';
import type { ServingFacts } from '../../src/doctor/doctor-facts.js';
import { findingsOf } from '../../src/doctor/findings-of.js';
import { readFacts } from '../../src/doctor/read-facts.js';

describeBehindPgBouncer('behind PgBouncer in transaction mode', () => {
  let pooled: PooledShop;
  beforeAll(async () => {
    pooled = await openPooledShop({ tenants: ['acme'], backends: 3 });
  });
  afterAll(() => pooled.close());

  /** Of a process that serves through the pooler. */
  async function found(serving: ServingFacts): Promise<string[]> {
    const { url, direct } = pooled;
    const findings = findingsOf(await readFacts({ url, ownerUrl: direct.database.url, serving }));
    return findings.filter(({ code }) => !code.endsWith('_OFF')).map(({ severity, code }) => `${severity} ${code}`);
  }

  it('finds that nobody told the process, and that it listens where nothing is heard', async () => {
    expect(await found({})).toEqual(['weak POOLER_UNDECLARED', 'weak LISTENS_THROUGH_POOLER']);
  });

  it('finds nothing where the process knows, and listens directly', async () => {
    expect(await found({ transactionPooler: true })).toEqual([]);
    expect(await found({ transactionPooler: true, listenUrl: pooled.direct.database.url })).toEqual([]);
  });

  it('finds a connection that listens through the pooler all the same', async () => {
    expect(await found({ transactionPooler: true, listenUrl: pooled.url })).toEqual(['weak LISTENS_THROUGH_POOLER']);
  });

  it('does not count the connections that the pooler bounds', async () => {
    expect(await found({ transactionPooler: true, connections: 100, processes: 50 })).toEqual([]);
  });
});
