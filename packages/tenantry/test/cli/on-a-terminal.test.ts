import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { describeOnTerminal, openTerminal, type Terminal } from '../../../../test/support/terminal.js';
import { until } from '../../../../test/support/until.js';
import { type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';
import { atGate, type Gate, makeGate } from '../fleet/support/gate.js';

const first = {
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
};
const second = { ...first, '000002-price': ['alter table item add column price int', atGate] };

let shop: FleetShop;
let gate: Gate;
let project: CliProject;
let terminal: Terminal | undefined;
beforeEach(async () => {
  shop = await openFleet(75);
  gate = await makeGate(shop.database.admin);
  project = await openCliProject(shop.database.url);
  await project.ship(second);
});
afterEach(async () => {
  await gate.open();
  terminal?.close();
  await project.close();
  await shop.close();
});

const tenantry = (...args: string[]): Terminal =>
  (terminal = openTerminal([process.execPath, project.bin, ...args], { cwd: project.folder, env: project.env }));

describeOnTerminal('tenantry on a terminal', () => {
  it('shows a bar with how far it is, the rate and the time left, and says at the end how it went', async () => {
    await gate.shut(`${shop.tenants.at(-1)}_shop`);
    const running = tenantry('migrate', '--connections', '1');
    await until('all but the last batch is done', () => running.shown.includes('50/75'));
    expect(running.shown).toMatch(/shop [^\s\w]+ 50\/75 66% \d+\/s \d+s left, 0 failed/);
    await gate.open();
    expect(await running.ended).toBe(0);
    expect(running.shown).toMatch(/75\/75 100% \d+\/s 0s left, 0 failed/);
    expect(running.shown).toMatch(/shop: rollout 1 done: 75 of 75 tenants in \d+\.\d s, 0 failed/);
  });

  it('ends after the batch in flight at Ctrl-C, says how to go on, and is finished by a resumption', async () => {
    await gate.shut();
    const running = tenantry('migrate', '--connections', '1');
    await gate.reached();
    running.press('Ctrl-C');
    await until('it has heard', () => running.shown.includes('stopping after the tenants in flight'));
    await gate.open();
    expect(await running.ended).toBe(3);
    expect(running.shown).toContain('shop: rollout 1 stopped: 25 of 75 tenants');
    expect(running.shown).toContain('go on with: tenantry rollout resume 1');
    expect(await shop.heads()).toEqual({ '000001-item': 50, '000002-price': 25 });
    expect(await project.run('rollout', 'resume', '1')).toMatchObject({ code: 0 });
    expect(await shop.heads()).toEqual({ '000002-price': 75 });
  });

  it('is finished by the same command, too', async () => {
    await gate.shut();
    const running = tenantry('migrate', '--connections', '1');
    await gate.reached();
    running.press('Ctrl-C');
    await until('it has heard', () => running.shown.includes('stopping after the tenants in flight'));
    await gate.open();
    expect(await running.ended).toBe(3);
    const again = await project.run('migrate');
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('50 of 50 tenants') as string });
    expect(await shop.heads()).toEqual({ '000002-price': 75 });
  });

  it('ends at once at the second Ctrl-C, and leaves nothing half done', async () => {
    await gate.shut();
    const running = tenantry('migrate', '--connections', '1');
    await gate.reached();
    running.press('Ctrl-C');
    await until('it has heard', () => running.shown.includes('stopping after the tenants in flight'));
    running.press('Ctrl-C');
    expect(await running.ended).not.toBe(0);
    await gate.open();
    expect(await project.run('migrate')).toMatchObject({ code: 0 });
    expect(await shop.heads()).toEqual({ '000002-price': 75 });
  });
});

describeOnTerminal('tenantry drift on a terminal', () => {
  it('shows a bar with how far it is and the time left, and then its report alone', async () => {
    const running = tenantry('drift');
    expect(await running.ended).toBe(0);
    expect(running.shown).toMatch(/Comparing \S+ \d+\/\d+ tenant schemas, \S+ left/);
    expect(running.shown).toMatch(/Compared 75 tenant schemas in \d+\.\d s: 0 drifted\./);
  });

  it('ends at Ctrl-C, says that it did not see everything, and is not taken for a clean fleet', async () => {
    const lock = await shop.database.admin.connect();
    await lock.query('begin');
    await lock.query('lock table tenantry.ledger in access exclusive mode');
    const running = tenantry('drift');
    await until('it looks', async () => {
      const rows = await shop.sql(
        "select from pg_stat_activity where application_name = 'tenantry drift' and wait_event_type = 'Lock' and datname = current_database()",
      );
      return rows.length > 0;
    });
    running.press('Ctrl-C');
    await until('the terminal has passed it on', () => running.shown.includes('^C'));
    await lock.query('rollback');
    lock.release();
    expect(await running.ended).toBe(1);
    expect(running.shown).toContain('Stopped before the end: tenants that were not looked at may have drifted too.');
  });
});
