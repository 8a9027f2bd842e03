import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DriftReport } from '../../src/drift/drift-report.js';
import { type Garden, openGarden } from './garden.js';

const bin = fileURLToPath(new URL('../../bin/tenantry.js', import.meta.url));

let garden: Garden;
let folder: string;
let tidy: string;
let wild: string;
beforeAll(async () => {
  garden = await openGarden();
  folder = await mkdtemp(path.join(tmpdir(), 'drift-'));
  await writeFile(path.join(folder, 'tenantry.config.mjs'), 'export default { services: {} };');
  tidy = await garden.signUp();
  wild = await garden.signUp();
  await garden.tamper(wild, 'alter table widget drop column size', 'create index extra on widget (note)');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await garden.close();
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function tenantry(...args: string[]): Promise<Ended> {
  const env = { ...process.env, DATABASE_URL: garden.database.url, DATABASE_OWNER_URL: '' };
  delete (env as NodeJS.ProcessEnv)['DATABASE_OWNER_URL'];
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

it('ends with 0 and one line when nothing drifted', async () => {
  const { code, stdout, stderr } = await tenantry('drift', '--service', 'garden', '--tenant', tidy);
  expect(stdout).toMatch(/^Compared 1 tenant schema in \d+\.\d s: 0 drifted\.\n$/);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

it('ends with 1 and tells, per tenant, what differs in a table, in words and as SQL', async () => {
  const { code, stdout, stderr } = await tenantry('drift');
  const lines = stdout.split('\n').map((line) => line.trimEnd());
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(lines[0]).toBe(`-- ${wild}, garden (schema ${wild}_garden, head 000002-size): 2 differences`);
  expect(stdout).toMatch(/-- │ column │ widget\.size +│ missing +│/);
  expect(lines).toContain('-- Column widget.size is missing.');
  expect(lines).toContain(`alter table "${wild}_garden".widget add column size integer;`);
  // What throws something away does not run by accident.
  expect(lines).toContain(`-- drop index if exists "${wild}_garden".extra;`);
  expect(lines.at(-2)).toMatch(/^Compared 2 tenant schemas in \d+\.\d s: 1 drifted\.$/);
  expect(stdout).not.toContain(tidy);
});

it('prints the report and nothing else with --json, before or after the command', async () => {
  for (const args of [
    ['drift', '--json', '--tenant', wild, tidy],
    ['--json', 'drift'],
  ]) {
    const { code, stdout } = await tenantry(...args);
    const report = JSON.parse(stdout) as DriftReport;
    expect(code).toBe(1);
    expect(report).toMatchObject({
      clean: false,
      checked: 2,
      drifted: [
        {
          tenant: wild,
          schema: `${wild}_garden`,
          differences: [
            { kind: 'index', object: 'extra', problem: 'unknown', destructive: true },
            { kind: 'column', object: 'widget.size', problem: 'missing', destructive: false },
          ],
        },
      ],
      missing: [],
      orphans: [],
      unchecked: [],
      stopped: false,
      tookMs: expect.any(Number),
    });
  }
});

it.each([
  ['a service that nobody registered', ['drift', '--service', 'gardn'], /no service "gardn" is registered; garden is/],
  ['a tenant that the catalog does not know', ['drift', '--tenant', 'nobody'], /the catalog has no "nobody"/],
  ['an unknown option', ['drift', '--fix'], /unknown option '--fix'/],
  ['an option without its value', ['drift', '--service'], /argument missing/],
])('ends with 2 and one sentence for %s', async (_, args, sentence) => {
  const { code, stdout, stderr } = await tenantry(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toMatch(/\n\s+at /);
});

it('prints SQL that repairs when it is piped into psql as it is, but for what throws something away', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(tenant, 'drop view cheap', 'alter table maker alter column name drop not null');
  const { stdout } = await tenantry('drift', '--tenant', tenant);
  await garden.tamper(tenant, stdout.split('\n').slice(0, -2).join('\n'));
  expect(await tenantry('drift', '--tenant', tenant)).toMatchObject({ code: 0 });
});
