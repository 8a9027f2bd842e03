import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MikroORM } from '@mikro-orm/postgresql';
import { type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Tenancy } from 'tenantry';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AfterModule } from '../../examples/one-table/after/projects.js';
import { BeforeModule } from '../../examples/one-table/before/projects.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const root = path.resolve(import.meta.dirname, '../..');
const folder = path.join(root, 'examples/one-table');
const guide = await readFile(path.join(root, 'docs/guides/adopt.md'), 'utf8');

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function adopt(step: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const bin = path.join(root, 'packages/tenantry/bin/tenantry.js');
  const env = { ...process.env, DATABASE_URL: database.url };
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, 'adopt', step], { cwd: folder, env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

async function listen(module: DynamicModule): Promise<{ app: NestFastifyApplication; url: string }> {
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
    logger: false,
    abortOnError: false,
  });
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

async function get(url: string, route: string, company: string): Promise<{ title?: string; text?: string }[]> {
  const response = await fetch(url + route, { headers: { 'x-client': company } });
  return (await response.json()) as { title?: string; text?: string }[];
}

async function create(url: string, company: string, title: string): Promise<number> {
  const headers = { 'x-client': company, 'content-type': 'application/json' };
  const { status } = await fetch(`${url}/projects`, { method: 'POST', headers, body: JSON.stringify({ title }) });
  return status;
}

it('goes from one table to tenant schemas and back as the guide says', { timeout: 180_000 }, async () => {
  const before = await listen(BeforeModule.forRoot(database.url));
  await before.app.get(MikroORM).schema.create();
  await database.admin.query("insert into company (name) values ('Acme'), ('Globex')");
  for (const company of ['1', '2', '1']) expect(await create(before.url, company, `for ${company}`)).toBe(201);

  // The order of the guide's own commands.
  const steps = [...guide.matchAll(/^npx tenantry adopt (\w+)/gm)].map(([, step = '']) => step);
  expect(steps).toEqual(['plan', 'run', 'verify', 'cutover', 'rollback', 'finish']);
  const plan = await adopt('plan');
  expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining('projects: 2 tenants found') as string });
  expect(await adopt('run')).toMatchObject({ code: 0 });
  expect(await create(before.url, '2', 'during')).toBe(201);
  expect(await adopt('verify')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('both sides are the same') as string,
  });
  expect(await adopt('cutover')).toMatchObject({ code: 0 });
  expect(await create(before.url, '2', 'too late')).toBe(500);

  const after = await listen(AfterModule.forRoot(database.url));
  for (const company of ['1', '2']) {
    expect(await get(after.url, '/projects', company)).toEqual(
      (await get(before.url, '/projects', company)).map(withoutCompany),
    );
    expect(await get(after.url, '/tasks', company)).toEqual(await get(before.url, '/tasks', company));
  }
  expect(await create(after.url, '2', 'after')).toBe(201);
  expect((await get(after.url, '/projects', '2')).map(({ title }) => title)).toEqual(['for 2', 'during', 'after']);
  expect((await get(after.url, '/projects', '1')).map(({ title }) => title)).toEqual(['for 1', 'for 1']);

  expect(await adopt('rollback')).toMatchObject({ code: 0 });
  expect((await get(before.url, '/projects', '2')).map(({ title }) => title)).toEqual(['for 2', 'during', 'after']);
  expect(await create(before.url, '2', 'back')).toBe(201);
  expect(await adopt('cutover')).toMatchObject({ code: 0 });
  expect(await adopt('finish')).toMatchObject({ code: 0 });
  expect((await get(after.url, '/projects', '2')).map(({ title }) => title)).toEqual([
    'for 2',
    'during',
    'after',
    'back',
  ]);
  expect(after.app.get(Tenancy).hasTenantData).toBe(true);
  await Promise.all([before.app.close(), after.app.close()]);
});

function withoutCompany(project: object): object {
  const { company: _, ...rest } = project as { company?: unknown };
  return rest;
}

it('shows the config of the example', async () => {
  const config = await readFile(path.join(folder, 'tenantry.config.ts'), 'utf8');
  expect(guide).toContain(`\`\`\`ts\n${config}\`\`\``);
});
