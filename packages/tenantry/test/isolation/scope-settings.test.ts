import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { catalogScope, lookupScope, type Scope } from '../../src/context/scope.js';
import { type GateOptions, preambleValues, scopeCommands, scopeSettings } from '../../src/isolation/scope-settings.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { scopedPool } from './support/pools.js';

let shop: Shop;
let pool: ScopedPool;
let acme: Scope;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme');
  acme = await shop.tenancy.run('acme', () => shop.tenancy.require());
  await shop.database.admin.query('create schema "Geo ""1"; grant usage on schema "Geo ""1" to public');
  pool = await scopedPool(
    shop,
    {},
    { statementTimeoutMs: 7000, idleTransactionTimeoutMs: 9000, sharedSchemas: ['Geo "1'] },
  );
});
afterAll(async () => {
  await pool.end();
  await shop.close();
});

const look = `select current_user::text as role, current_setting('search_path') as path, current_schema as into,
  current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle`;

/** Runs statements on one connection, the last of which looks. */
async function seen(client: Pick<pg.PoolClient, 'query'>, ...before: string[]): Promise<unknown> {
  for (const text of before) await client.query(text);
  return (await client.query<object>(look)).rows[0];
}

async function onClient(fn: (client: pg.PoolClient) => Promise<unknown>): Promise<void> {
  const client = await pool.connect();
  try {
    await fn(client);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

describe('a statement of a tenant', () => {
  const entered = {
    role: 'acme_shop',
    path: expect.stringMatching(/^"?acme_shop"?, ?"Geo ""1", ?"?pg_temp"?$/) as string,
    into: 'acme_shop',
    statement: '7s',
    idle: '9s',
  };

  it.each<[string, string[]]>([
    ['by itself', []],
    ['first in a transaction', ['begin']],
    ['second in a transaction', ['begin', 'select 1']],
    ['after the isolation level', ['begin isolation level serializable']],
    ['after a mode', ['begin', 'set transaction read only']],
    ['after a savepoint', ['begin', 'savepoint s']],
    ['after a lock', ['begin', 'lock table widget']],
    [
      'after its role, its path and its limits were changed and taken back',
      [
        'begin',
        'savepoint s',
        'set local role none',
        'set local search_path to public',
        "set local statement_timeout to '1s'",
        'rollback to s',
      ],
    ],
    ['in a transaction that follows another', ['begin', 'select 1', 'commit and chain']],
  ])('has the tenant’s role, path and both limits: %s', async (_, before) => {
    await shop.tenancy.run('acme', () =>
      onClient(async (client) => expect(await seen(client, ...before)).toEqual(entered)),
    );
  });

  it('has the limits of a report in its place, where that has its own', async () => {
    const { rows } = await pool.readOnly({ scope: acme, text: look, rowsMax: 1 });
    expect(rows[0]?.slice(3)).toEqual(['7s', '9s']);
    const own = await pool.readOnly({
      scope: acme,
      text: look,
      rowsMax: 1,
      statementTimeoutMs: 3000,
      sharedSchemas: [],
    });
    expect(own.rows[0]?.[1]).not.toContain('Geo');
    expect(own.rows[0]?.slice(3)).toEqual(['3s', '9s']);
  });

  it('of the catalog runs as the catalog’s role with no path, and with the limits', async () => {
    const role = `tenantry_${shop.database.name}.catalog`;
    const path = expect.stringMatching(/^(?:"")?$/) as string;
    const expected = { role, path, into: null, statement: '7s', idle: '9s' };
    await shop.tenancy.runInCatalog(() =>
      onClient(async (client) => {
        expect(await seen(client)).toEqual(expected);
        expect(await seen(client, 'begin isolation level serializable')).toEqual(expected);
      }),
    );
  });
});

describe('what a scope needs', () => {
  const options: GateOptions = {
    isolation: 'role',
    catalogRole: 'the.catalog',
    sharedSchemas: ['geo'],
    statementTimeoutMs: 1,
    idleTransactionTimeoutMs: 2,
    transactionPooler: false,
  };
  const rest = ['1', '2'];

  it('is decided by the scope and the isolation', () => {
    const values = (scope: Scope | undefined, changed: Partial<GateOptions> = {}) =>
      preambleValues(scopeSettings(scope, { ...options, ...changed }));
    expect(values(acme)).toEqual(['acme_shop', '"acme_shop","geo","pg_temp"', ...rest]);
    expect(values(acme, { sharedSchemas: [] })).toEqual(['acme_shop', '"acme_shop","pg_temp"', ...rest]);
    expect(values(acme, { isolation: 'schema' })).toEqual(['none', '"acme_shop","geo","pg_temp"', ...rest]);
    expect(values(catalogScope)).toEqual(['the.catalog', '', ...rest]);
    expect(values(undefined)).toEqual(['the.catalog', '', ...rest]);
    expect(values(lookupScope)).toEqual(['none', '', ...rest]);
  });

  it('is the same as commands, each of which ends with the transaction', () => {
    const commands = (scope: Scope, limits: boolean) => scopeCommands(scopeSettings(scope, options), limits);
    const entering = ['set local role "acme_shop"', 'set local search_path to "acme_shop","geo","pg_temp"'];
    expect(commands(acme, false)).toEqual(entering);
    expect(commands(acme, true)).toEqual([
      ...entering,
      'set local statement_timeout to 1',
      'set local idle_in_transaction_session_timeout to 2',
    ]);
    expect(commands(lookupScope, false)).toEqual(['set local role none', "set local search_path to ''"]);
  });
});
