import { once } from 'node:events';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newPlace, type Place, removePlace, serverPid } from './support/place.js';
import { Program } from './support/program.js';

let place: Place;
const programs: Program[] = [];

function run(script: string, env: Record<string, string> = {}, args: readonly string[] = []): Program {
  const program = new Program(script, { ...place.env, ...env }, args);
  programs.push(program);
  return program;
}

beforeEach(async () => {
  place = await newPlace();
});

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.signal('SIGTERM')));
  expect(await serverPid(place)).toBeUndefined();
  await removePlace(place);
});

const json = { 'content-type': 'application/json' };

async function createUser(): Promise<string> {
  const response = await fetch(`${place.identity}/users`, {
    method: 'POST',
    headers: json,
    body: '{"fullName":"Ada"}',
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

describe('npm start', () => {
  it('brings everything up, says where, stops everything at Ctrl-C, and keeps the data', async () => {
    const first = run('start');
    const output = await first.printed('ready');
    for (const told of [
      place.identity,
      place.inventory,
      `${place.identity}/docs`,
      '/users/migrate',
      'x-client:$id',
      place.dataDir,
    ]) {
      expect(output).toContain(told);
    }
    const id = await createUser();
    expect((await fetch(`${place.identity}/users/migrate`)).status).toBe(200);
    expect(await schemasSeenWith(output)).toContain(`${id}_inventory`);
    expect(await first.signal('SIGINT')).toMatchObject({ code: 0, stderr: '' });
    expect(await serverPid(place)).toBeUndefined();
    await expect(fetch(place.identity)).rejects.toThrow();

    const second = run('start');
    await second.printed('ready');
    expect((await fetch(`${place.identity}/users/${id}`)).status).toBe(200);
    expect(await second.signal('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
  });

  it('says which port is taken, stops what it had started and exits with 1', async () => {
    const { port } = new URL(place.inventory);
    const intruder = createServer().listen(Number(port), '127.0.0.1');
    await once(intruder, 'listening');
    const { code, stderr } = await run('start').ended;
    intruder.close();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: Port ${port} on 127.0.0.1 is taken; stop the program that uses it, or set INVENTORY_PORT to another port.\n`,
    );
    await expect(fetch(place.identity)).rejects.toThrow();
  });

  it.each([
    [
      { DATABASE_URL: 'postgres://u:s3cret@127.0.0.1:1/x' },
      /^error: No PostgreSQL answers at 127\.0\.0\.1:1 .*DATABASE_URL \(or DB_HOST and DB_PORT\)\.\n$/,
    ],
    [
      { DATABASE_URL: 'postgres://u:s3cret@127.0.0.1:1/x', DATABASE_OWNER_URL: 'mysql://u:s3cret@h/x' },
      /^error: DATABASE_OWNER_URL begins with "mysql:\/\/".*\n$/,
    ],
    [{ DATABASE_URL: 'mysql://u:s3cret@h/x' }, /^error: DATABASE_URL begins with "mysql:\/\/".*\n$/],
    [
      { TENANTRY_DATA_DIR: '/dev/null/data' },
      /^error: The data directory \/dev\/null\/data cannot be used .*TENANTRY_DATA_DIR.*\n$/,
    ],
    [
      { TENANTRY_DATA_DIR: '/proc/data' },
      /^error: The data directory \/proc\/data cannot be used .*TENANTRY_DATA_DIR.*\n$/,
    ],
    [{ DB_HOST: 'h' }, /^error: DB_NAME, DB_USER and DB_PASSWORD are not set.*\n$/],
    [{ IDENTITY_PORT: 'http' }, /^error: IDENTITY_PORT is "http"; .*\n$/],
  ])('answers %j with one sentence and exit code 1', async (env, sentence) => {
    const { code, stderr } = await run('start', env).ended;
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain('s3cret');
    expect(code).toBe(1);
  });

  it('answers a data directory of another major version with one sentence and exit code 1', async () => {
    await mkdir(path.join(place.dataDir, 'pg'), { recursive: true });
    await writeFile(path.join(place.dataDir, 'pg/PG_VERSION'), '15\n');
    const { code, stderr } = await run('start').ended;
    expect(stderr).toMatch(
      /^error: The data directory \S+ was made by PostgreSQL 15, and this is PostgreSQL 18; .*\n$/,
    );
    expect(code).toBe(1);
  });

  it('stops the others and exits with 1 when a service is lost', async () => {
    const program = run('start');
    await program.printed('ready');
    await program.killChild('apps/inventory/');
    const { code, stderr } = await program.ended;
    expect(stderr).toBe('error: The service inventory ended by itself (SIGKILL); see what it wrote above.\n');
    expect(code).toBe(1);
    await expect(fetch(place.identity)).rejects.toThrow();
  });

  it('leaves no service behind when it is killed itself, and its database serves the next start', async () => {
    const killed = run('start');
    await killed.printed('ready');
    const id = await createUser();
    const pid = await serverPid(place);
    await killed.signal('SIGKILL');
    await untilGone(place.identity);
    await untilGone(place.inventory);

    const next = run('start');
    await next.printed('ready');
    expect(await serverPid(place)).toBe(pid);
    expect((await fetch(`${place.identity}/users/${id}`)).status).toBe(200);
  });
});

describe('npm run migrate', () => {
  it('brings the catalog and identity to head, once and again, and stops the database', async () => {
    for (const time of ['first', 'second']) {
      const { code, stdout, stderr } = await run('migrate').ended;
      expect({ time, code, stderr }).toEqual({ time, code: 0, stderr: '' });
      expect(stdout).toMatch(/^identity: .*\ninventory: .*$/m);
    }
    await expect(access(path.join(place.dataDir, 'pg/PG_VERSION'))).resolves.toBeUndefined();
  });

  it('passes a failure on', async () => {
    const { code, stdout, stderr } = await run('migrate', { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: No PostgreSQL answers at 127\.0\.0\.1:1 .*\n$/);
  });
});

describe('npm run start:dev', () => {
  it.each([[[]], [['nope']]])('answers %j with the names of the services and exit code 2', async (args) => {
    const { code, stderr } = await run('start-dev', {}, args).ended;
    expect(stderr).toMatch(/^error: .*; choose one of: identity, inventory\.\n$/);
    expect(code).toBe(2);
  });

  it('serves one service until Ctrl-C', async () => {
    const program = run('start-dev', {}, ['identity']);
    await program.printed('identity answers at');
    await createUser();
    expect(await program.signal('SIGINT')).toMatchObject({ code: 0 });
    await expect(fetch(place.identity)).rejects.toThrow();
  });
});

/** What a person sees who connects with what the box says. */
async function schemasSeenWith(box: string): Promise<string[]> {
  const connectionString = /database +(postgres:\/\/postgres@127\.0\.0\.1:\d+\/tenantry)/.exec(box)?.[1];
  const password = await readFile(/password is in (\S+)/.exec(box)?.[1] ?? '', 'utf8');
  expect(box).not.toContain(password.trim());
  const client = new pg.Client({ connectionString });
  // What PGPASSWORD does for psql.
  client.password = password.trim();
  await client.connect();
  const { rows } = await client.query<{ nspname: string }>('select nspname from pg_namespace');
  await client.end();
  return rows.map(({ nspname }) => nspname);
}

async function untilGone(url: string): Promise<void> {
  const answers = () =>
    fetch(url).then(
      () => true,
      () => false,
    );
  while (await answers()) await new Promise((resolve) => setTimeout(resolve, 20));
}
