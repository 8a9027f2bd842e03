import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { TenancyError } from 'tenantry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeConnectionError } from '../src/describe-connection-error.js';
import { ephemeralPostgres, type LocalPostgres } from '../src/local-postgres/index.js';
import { operatorSentence } from '../src/run-main.js';

let postgres: LocalPostgres;
beforeAll(async () => {
  postgres = await ephemeralPostgres();
}, 60_000);
afterAll(() => postgres.stop());

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function runProgram(...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [
    '--import',
    support('typescript-hooks.mjs'),
    support('failing-main.ts'),
    ...args,
  ]);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, stdout, stderr };
}

function support(name: string): string {
  return fileURLToPath(new URL(`support/${name}`, import.meta.url));
}

function failure(stderr: string): Outcome {
  return { code: 1, stdout: '', stderr: `error: ${stderr}\n` };
}

function urlWith(change: Partial<Pick<URL, 'password' | 'pathname' | 'port'>>): string {
  return Object.assign(new URL(postgres.url), change).href;
}

describe('runMain()', () => {
  it('ends with exit code 0 and says nothing when all went well', async () => {
    expect(await runProgram('fine')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('reports a StartupError in one line without a stack', async () => {
    expect(await runProgram('startup')).toEqual(failure('OPTION is wrong; change OPTION.'));
  });

  it('reports what Tenantry tells the operator in one line without a stack', async () => {
    expect(await runProgram('tenancy')).toEqual(failure('The option `url` is wrong.'));
  });

  it('shows the stack of a bug', async () => {
    const { code, stderr } = await runProgram('bug');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^TypeError: x is not a function\n {4}at /);
  });

  it('says that nothing listens', async () => {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    listener.close();
    await once(listener, 'close');
    expect(await runProgram('connect', urlWith({ port: String(port) }))).toEqual(
      failure(
        `No PostgreSQL answers at 127.0.0.1:${port} (connection refused); start it, or correct the host and port in DATABASE_URL (or DB_HOST and DB_PORT).`,
      ),
    );
  });

  it('says that the password is wrong, and does not repeat it', async () => {
    const { code, stderr } = await runProgram('connect', urlWith({ password: 's3cret' }));
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: PostgreSQL refused the login (password authentication failed for user "postgres"); correct the user and password in DATABASE_URL (or DB_USER and DB_PASSWORD).\n',
    );
  });

  it('says that the database does not exist', async () => {
    expect(await runProgram('connect', urlWith({ pathname: '/nowhere' }))).toEqual(
      failure(
        'PostgreSQL answered: database "nowhere" does not exist; create it, or correct the database name in DATABASE_URL (or DB_NAME).',
      ),
    );
  });

  it('says that the server is none', async () => {
    const other = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { stderr } = await runProgram('connect', urlWith({ port: String(port) }));
    other.close();
    expect(stderr).toMatch(
      /^error: The server at 127\.0\.0\.1:\d+ closed the connection; check that it is a PostgreSQL server .*DATABASE_URL.*\n$/,
    );
  });
});

function failing(code: string, message = 'x', more: object = {}): Error {
  return Object.assign(new Error(message), { code, ...more });
}

describe('describeConnectionError()', () => {
  it.each([
    [
      failing('ENOTFOUND', 'x', { hostname: 'db' }),
      'The host "db" is not known; correct the host in DATABASE_URL (or DB_HOST).',
    ],
    [
      failing('57P03', 'the database system is starting up'),
      /takes no connections at the moment \(the database system is starting up\)/,
    ],
    [failing('28000', 'no pg_hba.conf entry'), /refused the login \(no pg_hba.conf entry\)/],
    [failing('ERR_INVALID_URL'), /^DATABASE_URL is not a valid URL/],
    [
      failing('ETIMEDOUT', 'x', { address: '10.0.0.1', port: 5432 }),
      /^PostgreSQL at 10\.0\.0\.1:5432 did not answer in time/,
    ],
    [new Error('timeout expired'), /^PostgreSQL at h:6000 did not answer in time/],
  ])('describes %s', (error, sentence) => {
    expect(describeConnectionError(error, { url: 'postgres://u:s3cret@h:6000/x' })).toMatch(sentence);
  });

  it('finds the failure under wrappers, and under the several addresses of one name', () => {
    const inner = failing('ECONNREFUSED', 'x', { address: '::1', port: 5432 });
    const error = new Error('wrapped', { cause: new AggregateError([inner, inner]) });
    expect(describeConnectionError(error, { variable: 'DATABASE_OWNER_URL' })).toMatch(
      /^No PostgreSQL answers at ::1:5432 .* DATABASE_OWNER_URL\.$/,
    );
  });

  it('leaves any other error alone', () => {
    expect(describeConnectionError(new Error('x'))).toBeUndefined();
    expect(describeConnectionError('x')).toBeUndefined();
  });
});

describe('operatorSentence()', () => {
  it('prefers the reason to "cannot be reached"', () => {
    const cause = Object.assign(new Error('x'), { code: 'ECONNREFUSED', address: '127.0.0.1', port: 1 });
    const error = new TenancyError('TENANCY_DATABASE_UNAVAILABLE', { reason: 'x', remedy: '' }, { cause });
    expect(operatorSentence(error)).toMatch(/^No PostgreSQL answers at 127\.0\.0\.1:1 /);
    expect(
      operatorSentence(new TenancyError('TENANCY_DATABASE_UNAVAILABLE', { reason: 'it is away', remedy: '' })),
    ).toMatch(/it is away/);
  });

  it('names the variable of the URL that failed', () => {
    const cause = Object.assign(new Error('wrong password'), { code: '28P01' });
    const fields = { reason: 'x', remedy: '', variable: 'DATABASE_OWNER_URL' };
    expect(operatorSentence(new TenancyError('TENANCY_DATABASE_UNAVAILABLE', fields, { cause }))).toBe(
      'PostgreSQL refused the login (wrong password); correct the user and password in DATABASE_OWNER_URL.',
    );
  });
});
