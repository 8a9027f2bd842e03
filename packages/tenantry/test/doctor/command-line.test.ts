import { glob, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import type { DoctorFinding } from '../../src/doctor/doctor-finding.js';
import { type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';

let shop: FleetShop;
let project: CliProject;
beforeAll(async () => {
  shop = await openFleet(2);
  project = await openCliProject(shop.database.url);
  await project.ship({});
});
afterAll(async () => {
  await project.close();
  await shop.close();
});

const report = (text: string) => JSON.parse(text) as { safe: boolean; findings: DoctorFinding[] };

it('ends with 1 when something is unsafe, and with 0 when nothing is', async () => {
  await shop.sql('grant select on t000_shop.item to public');
  const unsafe = await project.run('doctor');
  expect(unsafe.code).toBe(1);
  expect(unsafe.stderr).toBe('');
  expect(unsafe.stdout).toContain(
    'unsafe TENANTS_PUBLIC: Everybody (PUBLIC) has rights in the tenant schema "t000_shop"',
  );
  await shop.sql('revoke select on t000_shop.item from public');
  const { code, stdout } = await project.run('--json', 'doctor');
  // The tests' own server may do without durability, and that is unsafe.
  const { safe, findings } = report(stdout);
  expect(findings.filter(({ code: each }) => !each.endsWith('_OFF'))).toMatchObject([
    { code: 'ONE_URL', severity: 'weak', sentence: expect.stringMatching(/\.$/), change: expect.stringMatching(/\.$/) },
  ]);
  expect(safe).toBe(findings.every(({ severity }) => severity !== 'unsafe'));
  expect(code).toBe(safe ? 0 : 1);
});

it('says in one line what it counted', async () => {
  const { stdout } = await project.run('doctor');
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^\d+ unsafe, \d+ weak, 0 to note\.$/);
});

it('ends with 2 for wrong usage, and shows its exit codes with --help', async () => {
  expect(await project.run('doctor', '--fix')).toMatchObject({ code: 2, stdout: '' });
  const { code, stdout } = await project.run('doctor', '--help');
  expect(code).toBe(0);
  expect(stdout).toContain('Exit codes: 0 nothing is unsafe, 1 something is, 2 wrong usage.');
});

it('is documented finding by finding, with the severity of the code', async () => {
  const root = new URL('../../src/doctor/checks/', import.meta.url).pathname;
  let code = '';
  for await (const file of glob('*.ts', { cwd: root })) code += await readFile(root + file, 'utf8');
  const guide = await readFile(new URL('../../../../docs/guides/doctor.md', import.meta.url), 'utf8');
  const listed = [...guide.matchAll(/^\| `([A-Z_]+)` \| (unsafe|weak|note)/gm)].map(([, name = '']) => name);
  const written = [...code.matchAll(/code: '([A-Z_]+)'/g)].map(([, name = '']) => name);
  const traits = ['SUPERUSER', 'BYPASSES_RLS', 'CREATES_ROLES', 'OWNS_TENANTS', 'INHERITS'];
  const made = [...traits.map((trait) => `SERVICE_ROLE_${trait}`), 'FSYNC_OFF', 'FULL_PAGE_WRITES_OFF'];
  expect(new Set(listed)).toEqual(new Set([...written, ...made]));
});
