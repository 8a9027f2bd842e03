import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { describeBehindPgBouncer } from '../../../../test/support/describe-behind-pgbouncer.js';
import { openPooledShop, type PooledShop } from '../../../../test/support/pooled-shop.js';

const [id = '', imported = '', cloned = ''] = freshIds(3);

describeBehindPgBouncer('copies through PgBouncer in transaction mode', () => {
  let pooled: PooledShop;
  let folder: string;
  beforeAll(async () => {
    pooled = await openPooledShop({ tenants: [id], backends: 3 });
    folder = await mkdtemp(path.join(tmpdir(), 'tenantry-copies-'));
  });
  afterAll(async () => {
    await pooled.close();
    await rm(folder, { recursive: true });
  });

  it('exports, imports and clones where the owner’s URL leads through the pooler too', async () => {
    const { admin, url } = pooled.direct.database;
    await admin.query(`insert into "${id}_shop".maker (name) select 'maker ' || i from generate_series(1, 5000) i`);
    const { tenancy } = await pooled.start({ ownerUrl: pooled.pgbouncer.through(url), listenUrl: false });
    await tenancy.copies.export(id, { to: path.join(folder, 'file') });
    await tenancy.copies.import({ from: path.join(folder, 'file'), as: imported });
    await tenancy.copies.clone(id, cloned);
    for (const copy of [imported, cloned]) {
      const { rows } = await admin.query(`select count(*)::int as n, max(id) as id from "${copy}_shop".maker`);
      expect(rows).toEqual([{ n: 5000, id: 5000 }]);
    }
  });
});
