import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { type CuttableProxy, cuttableProxy } from '../../../../test/support/cuttable-proxy.js';
import { until } from '../../../../test/support/until.js';
import { type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';

let shop: FleetShop;
let proxy: CuttableProxy;
let project: CliProject;
beforeEach(async () => {
  shop = await openFleet(3);
  proxy = await cuttableProxy(shop.database.url);
  project = await openCliProject(proxy.url);
  await project.ship({});
});
afterEach(async () => {
  await project.close();
  await proxy.close();
  await shop.close();
});

it('says that PostgreSQL went away in the middle of a look, and is not taken for a clean fleet', async () => {
  const lock = await shop.database.admin.connect();
  await lock.query('begin');
  await lock.query('lock table tenantry.ledger in access exclusive mode');
  const running = project.start('drift');
  await until('it looks', async () => {
    const looking = await shop.sql(
      "select from pg_stat_activity where application_name = 'tenantry drift' and wait_event_type = 'Lock' and datname = current_database()",
    );
    return looking.length > 0;
  });
  proxy.cut();
  const { code, stdout, stderr } = await running.ended;
  await lock.query('rollback');
  lock.release();
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^error: PostgreSQL cannot be used: [^\n]+\n$/);
});
