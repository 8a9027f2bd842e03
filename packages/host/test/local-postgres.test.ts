import { chown, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ephemeralPostgres, type LocalPostgres, startLocalPostgres } from '../src/local-postgres/index.js';
import { isRunning, newDataDir, postmasterPid, query, removeDataDirs } from './support/data-dirs.js';
import { OtherProcess } from './support/other-process.js';

// Nothing here survives a power cut, so no test waits for the disk.
function start(dataDir: string, settings: Record<string, string> = {}): Promise<LocalPostgres> {
  return startLocalPostgres({ dataDir, settings: { fsync: 'off', ...settings } });
}

afterEach(async () => {
  expect(await removeDataDirs()).toEqual([]);
});

describe('one process', () => {
  it('keeps the data, the port and the password from one start to the next', async () => {
    const dataDir = await newDataDir();
    const first = await start(dataDir);
    await query(first.url, 'create table kept as select 42 as answer');
    await first.stop();

    const second = await start(dataDir);
    expect(second.url).toBe(first.url);
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await second.stop();
  });

  it('passes settings to the server', async () => {
    const postgres = await start(await newDataDir(), { max_connections: '17' });
    expect(await query(postgres.url, 'show max_connections')).toEqual([{ max_connections: '17' }]);
    await postgres.stop();
  });

  it('makes a UTF-8 cluster with checksums that listens on 127.0.0.1 alone and wants a password', async () => {
    const postgres = await start(await newDataDir());
    const facts = `select current_setting('server_encoding') as encoding, current_setting('data_checksums') as checksums,
      current_setting('listen_addresses') as listens, current_setting('unix_socket_directories') as sockets,
      (select datcollate from pg_database where datname = current_database()) as locale`;
    expect(await query(postgres.url, facts)).toEqual([
      { encoding: 'UTF8', checksums: 'on', listens: '127.0.0.1', sockets: '', locale: 'C' },
    ]);
    const guess = new URL(postgres.url);
    guess.password = 'guess';
    await expect(query(guess.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    await postgres.stop();
  });

  it('lets only the owner read the password', async () => {
    const dataDir = await newDataDir();
    const postgres = await start(dataDir);
    const password = path.join(dataDir, 'control', 'password');
    expect((await stat(password)).mode & 0o777).toBe(0o600);
    expect((await stat(path.dirname(password))).mode & 0o777).toBe(0o700);
    expect(await readFile(password, 'utf8')).toBe(decodeURIComponent(new URL(postgres.url).password));
    await postgres.stop();
  });

  it('chooses another port when its own was taken meanwhile', async () => {
    const dataDir = await newDataDir();
    const first = await start(dataDir);
    await first.stop();
    const intruder = createServer().listen(first.port, '127.0.0.1');
    const second = await start(dataDir);
    expect(second.port).not.toBe(first.port);
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.stop();
    intruder.close();
  });

  it('may call stop() twice', async () => {
    const postgres = await start(await newDataDir());
    await Promise.all([postgres.stop(), postgres.stop()]);
    await postgres.stop();
  });

  it('moves a log above 5 MiB aside', async () => {
    const dataDir = await newDataDir();
    await (await start(dataDir)).stop();
    const log = path.join(dataDir, 'control', 'server.log');
    await truncate(log, 6 * 1024 * 1024);
    await (await start(dataDir)).stop();
    expect((await stat(log)).size).toBeLessThan(1024 * 1024);
    expect((await stat(`${log}.1`)).size).toBe(6 * 1024 * 1024);
  });
});

describe('several processes', () => {
  it('joins a server that another process started', async () => {
    const dataDir = await newDataDir();
    const other = new OtherProcess(dataDir);
    const report = await other.started;
    const postgres = await start(dataDir);
    expect(postgres).toMatchObject({ url: report.url, joined: true });
    await other.stop();
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await postgres.stop();
  });

  it('initialises once when several processes start together', async () => {
    const dataDir = await newDataDir();
    const others = Array.from({ length: 4 }, () => new OtherProcess(dataDir));
    const reports = await Promise.all(others.map((other) => other.started));
    expect(reports.filter(({ joined }) => joined === false)).toHaveLength(1);
    expect(reports.filter(({ joined }) => joined === true)).toHaveLength(3);
    expect(new Set(reports.map(({ url }) => url)).size).toBe(1);
    await Promise.all(others.map((other) => other.stop()));
  });

  it('stops the server with its last user', async () => {
    const dataDir = await newDataDir();
    const others = [new OtherProcess(dataDir), new OtherProcess(dataDir)];
    await Promise.all(others.map((other) => other.started));
    const pid = (await postmasterPid(dataDir)) ?? 0;
    await others[0]?.stop();
    expect(await isRunning(pid)).toBe(true);
    await others[1]?.stop();
    expect(await isRunning(pid)).toBe(false);
    expect(await readdir(path.join(dataDir, 'control', 'users'))).toEqual([]);
  });

  it('does not wait for a user that was killed', async () => {
    const dataDir = await newDataDir();
    const killed = new OtherProcess(dataDir);
    await killed.started;
    const postgres = await start(dataDir);
    const pid = (await postmasterPid(dataDir)) ?? 0;
    await killed.kill();
    await postgres.stop();
    expect(await isRunning(pid)).toBe(false);
  });

  it('joins and later stops a server whose users were all killed', async () => {
    const dataDir = await newDataDir();
    const killed = new OtherProcess(dataDir);
    await killed.started;
    await killed.kill();
    const pid = (await postmasterPid(dataDir)) ?? 0;
    expect(await isRunning(pid)).toBe(true);

    const postgres = await start(dataDir);
    expect(postgres.joined).toBe(true);
    await postgres.stop();
    expect(await isRunning(pid)).toBe(false);
  });

  it('does not take a recycled pid for a user', async () => {
    const dataDir = await newDataDir();
    const postgres = await start(dataDir);
    const pid = (await postmasterPid(dataDir)) ?? 0;
    // This process runs, but it is not the run of it that registered.
    await writeFile(path.join(dataDir, 'control', 'users', `${process.pid}-recycled`), 'an earlier run');
    await postgres.stop();
    expect(await isRunning(pid)).toBe(false);
  });
});

describe('after a crash', () => {
  it('starts again after the postmaster was killed', async () => {
    const dataDir = await newDataDir();
    const crashed = await start(dataDir);
    await query(crashed.url, 'create table kept as select 42 as answer');
    process.kill((await postmasterPid(dataDir)) ?? 0, 'SIGKILL');
    const again = await start(dataDir);
    expect(again.joined).toBe(false);
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await again.stop();
    await crashed.stop();
  });

  it('starts although the pid of the killed server now belongs to another process', async () => {
    const dataDir = await newDataDir();
    await (await start(dataDir)).stop();
    const pid = process.pid;
    await writeFile(
      path.join(dataDir, 'pg', 'postmaster.pid'),
      `${pid}\n${dataDir}/pg\n1\n1\n\n127.0.0.1\n1 1\nready   \n`,
    );
    await writeFile(path.join(dataDir, 'control', 'postmaster'), `${pid} an earlier run`);
    const postgres = await start(dataDir);
    expect(postgres.joined).toBe(false);
    await postgres.stop();
  });

  it('initialises again after a process was killed while initialising', async () => {
    const dataDir = await newDataDir();
    await mkdir(path.join(dataDir, 'init-killed', 'pg'), { recursive: true });
    await writeFile(path.join(dataDir, 'init-killed', 'pg', 'PG_VERSION'), '18\n');
    const postgres = await start(dataDir);
    await postgres.stop();
    expect((await readdir(dataDir)).toSorted()).toEqual(['control', 'pg']);
  });
});

describe('what it refuses, in one sentence', () => {
  it('refuses a data directory of another major version', async () => {
    const dataDir = await newDataDir();
    await (await start(dataDir)).stop();
    await writeFile(path.join(dataDir, 'pg', 'PG_VERSION'), '15\n');
    await expect(start(dataDir)).rejects.toMatchObject({
      name: 'StartupError',
      code: 'DATA_DIR_UNUSABLE',
      message: expect.stringMatching(
        /^The data directory \S+ was made by PostgreSQL 15, and this is PostgreSQL 18; .*TENANTRY_DATA_DIR.*DATABASE_URL\.$/,
      ),
    });
  });

  it('refuses a damaged data directory', async () => {
    const dataDir = await newDataDir();
    await (await start(dataDir)).stop();
    await rm(path.join(dataDir, 'pg', 'global', 'pg_control'));
    await expect(start(dataDir)).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(/did not start on the data directory .*pg_control.*TENANTRY_DATA_DIR/),
    });
  });

  it('refuses a directory that holds something else', async () => {
    const dataDir = await newDataDir();
    await mkdir(path.join(dataDir, 'pg'), { recursive: true });
    await writeFile(path.join(dataDir, 'pg', 'photos.zip'), '');
    await expect(start(dataDir)).rejects.toThrow(/holds something else than a PostgreSQL cluster/);
    expect(await readdir(path.join(dataDir, 'pg'))).toEqual(['photos.zip']);
  });

  it('refuses a data directory that it cannot create', async () => {
    const dataDir = await newDataDir();
    await writeFile(dataDir, 'a file');
    await expect(start(path.join(dataDir, 'below'))).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringMatching(/cannot be used \(\w+ at .*TENANTRY_DATA_DIR/),
    });
  });

  it.runIf(process.platform === 'linux')('refuses a place where nothing can be made, at once', async () => {
    const message = expect.stringMatching(
      /^The data directory \/proc\/\S+ cannot be used \(\w+ at .*TENANTRY_DATA_DIR/,
    );
    for (const dataDir of ['/proc/tenantry', '/proc/tenantry/below/it'])
      await expect(start(dataDir)).rejects.toMatchObject({ name: 'StartupError', message });
  });

  it('names the setting that the server does not accept', async () => {
    const dataDir = await newDataDir();
    const refused = start(dataDir, { no_such_setting: '1' });
    await expect(refused).rejects.toThrow(/no_such_setting/);
    expect(await readdir(path.join(dataDir, 'control', 'users'))).toEqual([]);
  });
});

// Only root runs the server as another account.
describe.runIf(process.getuid?.() === 0)('as root', () => {
  it('keeps the data where the server can reach it, and says where, when it cannot reach the data directory', async () => {
    const dataDir = await newDataDir();
    await mkdir(dataDir, { mode: 0o700 });
    const closed = path.join(dataDir, 'closed');
    const first = await start(closed);
    const elsewhere = path.dirname(first.clusterDir);
    try {
      expect(elsewhere).toMatch(/^\/var\/lib\/tenantry\/data\/\w+$/);
      expect(await readFile(path.join(closed, 'location.txt'), 'utf8')).toContain(elsewhere);
      expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
      await query(first.url, 'create table kept as select 42 as answer');
      await first.stop();
      const second = await start(closed);
      expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
      await second.stop();
    } finally {
      await rm(elsewhere, { recursive: true, force: true });
    }
  });

  it('runs the server as the owner of the data directory, who can start it later', async () => {
    const dataDir = await newDataDir();
    const nobody = 65_534;
    await mkdir(dataDir);
    await chown(dataDir, nobody, nobody);
    const postgres = await start(dataDir);
    await postgres.stop();
    for (const name of ['pg', 'control', 'control/password', 'control/port', 'control/server.log', 'control/lock']) {
      expect({ name, uid: (await stat(path.join(dataDir, name))).uid }).toEqual({ name, uid: nobody });
    }
  });
});

describe('ephemeralPostgres()', () => {
  it('is fast rather than durable and leaves nothing behind', async () => {
    const postgres = await ephemeralPostgres({ settings: { work_mem: '5MB' } });
    const settings = `select current_setting('fsync') as fsync, current_setting('max_connections') as connections,
      current_setting('work_mem') as work_mem`;
    expect(await query(postgres.url, settings)).toEqual([{ fsync: 'off', connections: '200', work_mem: '5MB' }]);
    const pid = (await postmasterPid(postgres.dataDir)) ?? 0;
    await postgres.stop();
    expect(await isRunning(pid)).toBe(false);
    await expect(stat(postgres.dataDir)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
