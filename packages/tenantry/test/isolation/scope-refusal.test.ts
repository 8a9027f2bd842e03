import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { runInScope } from '../../src/context/current-scope.js';
import type { Scope } from '../../src/context/scope.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { sqlstate } from '../../src/postgres/sqlstate.js';
import { translateError } from '../../src/postgres/translate-error.js';
import { scopedPool } from './support/pools.js';

/** PostgreSQL, entering a scope in which says what the test wants: another function stands in for `set_config`. */
let shop: Shop;
let pool: ScopedPool;
let acme: Scope;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme');
  acme = await shop.tenancy.run('acme', () => shop.tenancy.require());
  pool = await scopedPool(shop);
  await shop.database.admin.query(`
    create table public.said (state text, words text);
    alter function pg_catalog.set_config(text, text, boolean) rename to set_config_itself;
    create function pg_catalog.set_config(text, text, boolean) returns text language plpgsql security definer as $$
      declare say public.said;
      begin select * into say from public.said; raise exception using errcode = say.state, message = say.words; end $$`);
});
afterAll(async () => {
  await shop.database.admin.query(`
    drop function pg_catalog.set_config(text, text, boolean);
    alter function pg_catalog.set_config_itself(text, text, boolean) rename to set_config`);
  await pool.end();
  await shop.close();
});

async function enteringSays(state: string, words = 'as the test wants'): Promise<Error> {
  await shop.database.admin.query('truncate public.said');
  await shop.database.admin.query('insert into public.said values ($1, $2)', [state, words]);
  return runInScope(acme, () =>
    pool.query('select 1').then(
      () => new Error('It was entered.'),
      (error: Error) => error,
    ),
  );
}

const roleIsGone = /Its role is gone, or is not granted to the service role/;
const preparedElsewhere = /set `transactionPooler: true`/;
const refusals: Readonly<Record<string, RegExp>> = {
  [sqlstate.invalidParameterValue]: roleIsGone,
  [sqlstate.undefinedObject]: roleIsGone,
  [sqlstate.insufficientPrivilege]: roleIsGone,
  [sqlstate.invalidStatementName]: preparedElsewhere,
  [sqlstate.duplicatePreparedStatement]: preparedElsewhere,
};

describe('an error of entering a scope', () => {
  it.each(Object.entries(refusals))('is a refusal of the scope, with what to do: %s', async (state, remedy) => {
    const error = await enteringSays(state);
    expect(error).toMatchObject({
      code: 'TENANCY_SCOPE_REFUSED',
      fields: { scope: 'acme_shop', reason: 'as the test wants' },
      cause: { code: state },
    });
    expect(error.message).toMatch(remedy);
  });

  it('names the grant where it is the function that may not be called', async () => {
    const error = await enteringSays(sqlstate.insufficientPrivilege, 'permission denied for function set_config');
    expect(error).toMatchObject({ code: 'TENANCY_SCOPE_REFUSED' });
    expect(error.message).toMatch(/A superuser must run: grant execute on function pg_catalog\.set_config/);
    expect((await enteringSays(sqlstate.undefinedObject, 'set_config')).message).toMatch(roleIsGone);
  });

  const others = Object.entries(sqlstate).filter(([, state]) => !(state in refusals));
  it.each([...others, ['featureNotSupported', '0A000'], ['syntaxError', '42601']])(
    'is what PostgreSQL says it is, and no refusal of the scope: %s',
    async (_, state) => {
      const error = await enteringSays(state);
      expect(error).toMatchObject({ code: state, message: 'as the test wants' });
      expect(translateError(error)?.code).not.toBe('TENANCY_SCOPE_REFUSED');
    },
  );

  it('is a timeout where a time was over: the caller may ask again', async () => {
    expect(translateError(await enteringSays(sqlstate.queryCanceled))?.code).toBe('TENANCY_STATEMENT_TIMEOUT');
    expect(translateError(await enteringSays(sqlstate.lockNotAvailable))?.code).toBe('TENANCY_STATEMENT_TIMEOUT');
    expect(translateError(await enteringSays(sqlstate.adminShutdown))?.code).toBe('TENANCY_DATABASE_UNAVAILABLE');
  });
});
