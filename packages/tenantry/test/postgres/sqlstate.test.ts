import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { toProblem } from '../../src/http/to-problem.js';
import { sqlstate, sqlstateOf } from '../../src/postgres/sqlstate.js';
import { translateError } from '../../src/postgres/translate-error.js';

type Name = keyof typeof sqlstate;

/** PostgreSQL's own name of each condition, and what a caller is answered. */
const conditions: Readonly<Record<Name, readonly [condition: string, status: number, code?: string]>> = {
  untranslatableCharacter: ['untranslatable_character', 400, 'TENANCY_VALUE_INVALID'],
  characterNotInRepertoire: ['character_not_in_repertoire', 400, 'TENANCY_VALUE_INVALID'],
  invalidParameterValue: ['invalid_parameter_value', 500],
  invalidTextRepresentation: ['invalid_text_representation', 400, 'TENANCY_VALUE_INVALID'],
  stringTooLong: ['string_data_right_truncation', 400, 'TENANCY_VALUE_INVALID'],
  numberOutOfRange: ['numeric_value_out_of_range', 400, 'TENANCY_VALUE_INVALID'],
  invalidDatetime: ['invalid_datetime_format', 400, 'TENANCY_VALUE_INVALID'],
  datetimeOverflow: ['datetime_field_overflow', 400, 'TENANCY_VALUE_INVALID'],
  divisionByZero: ['division_by_zero', 500],
  notNullViolation: ['not_null_violation', 400, 'TENANCY_VALUE_INVALID'],
  checkViolation: ['check_violation', 400, 'TENANCY_VALUE_INVALID'],
  foreignKeyViolation: ['foreign_key_violation', 409, 'TENANCY_CONFLICT'],
  restrictViolation: ['restrict_violation', 409, 'TENANCY_CONFLICT'],
  uniqueViolation: ['unique_violation', 409, 'TENANCY_CONFLICT'],
  exclusionViolation: ['exclusion_violation', 409, 'TENANCY_CONFLICT'],
  invalidStatementName: ['invalid_sql_statement_name', 500],
  insufficientPrivilege: ['insufficient_privilege', 500, 'TENANCY_ACCESS_DENIED'],
  duplicateSchema: ['duplicate_schema', 500],
  duplicateObject: ['duplicate_object', 500],
  undefinedObject: ['undefined_object', 500],
  dependentObjects: ['dependent_objects_still_exist', 500],
  duplicatePreparedStatement: ['duplicate_prepared_statement', 500],
  undefinedTable: ['undefined_table', 500],
  invalidSchemaName: ['invalid_schema_name', 500],
  serializationFailure: ['serialization_failure', 503, 'TENANCY_SERIALIZATION_FAILURE'],
  deadlockDetected: ['deadlock_detected', 503, 'TENANCY_DEADLOCK'],
  tooManyConnections: ['too_many_connections', 503, 'TENANCY_DATABASE_UNAVAILABLE'],
  outOfSharedMemory: ['out_of_memory', 500],
  objectInUse: ['object_in_use', 500],
  lockNotAvailable: ['lock_not_available', 503, 'TENANCY_STATEMENT_TIMEOUT'],
  unsafeNewEnumValue: ['unsafe_new_enum_value_usage', 500],
  queryCanceled: ['query_canceled', 503, 'TENANCY_STATEMENT_TIMEOUT'],
  adminShutdown: ['admin_shutdown', 503, 'TENANCY_DATABASE_UNAVAILABLE'],
  crashShutdown: ['crash_shutdown', 503, 'TENANCY_DATABASE_UNAVAILABLE'],
  cannotConnectNow: ['cannot_connect_now', 503, 'TENANCY_DATABASE_UNAVAILABLE'],
  databaseDropped: ['database_dropped', 503, 'TENANCY_DATABASE_UNAVAILABLE'],
  idleSessionTimeout: ['idle_session_timeout', 503, 'TENANCY_DATABASE_UNAVAILABLE'],
  readOnlyTransaction: ['read_only_sql_transaction', 503, 'TENANCY_DATABASE_UNAVAILABLE'],
  idleInTransactionTimeout: ['idle_in_transaction_session_timeout', 503, 'TENANCY_STATEMENT_TIMEOUT'],
  transactionTimeout: ['transaction_timeout', 503, 'TENANCY_STATEMENT_TIMEOUT'],
  protocolViolation: ['protocol_violation', 500],
  internalError: ['internal_error', 500],
};

let database: TestDatabase;
let version = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.admin.query(`
    create table booking (during int4range not null, exclude using gist (during with &&));
    insert into booking values ('[1,3)');
    create table item (id int primary key, n smallint not null check (n < 100), name varchar(3), day date);
    create table part (item int references item, kept int references item on delete restrict);
    insert into item values (1, 1), (2, 1); insert into part values (1, null), (null, 2)`);
  const { rows } = await database.admin.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  version = rows[0]?.version ?? 0;
});
afterAll(() => database.drop());

const failing = (text: string): Promise<unknown> => database.admin.query(text).catch((error: unknown) => error);

describe('the code of a condition', () => {
  it.each(Object.entries(conditions))(
    'is PostgreSQL’s own, and what it is to a caller is decided: %s',
    async (name, [condition, status, code]) => {
      // It came with PostgreSQL 17.
      if (name === 'transactionTimeout' && version < 170_000) return;
      const error = await failing(`do $$ begin raise exception using errcode = '${condition}'; end $$`);
      expect(sqlstateOf(error)).toBe(sqlstate[name as Name]);
      expect(translateError(error)?.code).toBe(code);
      expect(toProblem(error).status).toBe(status);
    },
  );

  it('is one of five characters, and no code of Node’s or of ours', () => {
    const withCode = (code: unknown) => Object.assign(new Error('x'), { code });
    for (const code of ['ECONNRESET', 'TENANCY_CONFLICT', '23p01', '2350', 23_505, undefined])
      expect(sqlstateOf(withCode(code))).toBeUndefined();
    for (const nothing of [undefined, null, '23505', 23_505]) expect(sqlstateOf(nothing)).toBeUndefined();
    // `TNMVD` is raised by the catalog.
    for (const state of ['XX000', '23P01', 'TNMVD']) expect(sqlstateOf(withCode(state))).toBe(state);
  });

  it('is none of a socket, although EPIPE has five characters: the server is away', () => {
    const error = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' });
    expect(sqlstateOf(error)).toBeUndefined();
    expect(translateError(error)?.code).toBe('TENANCY_DATABASE_UNAVAILABLE');
    expect(toProblem(error).status).toBe(503);
  });
});

describe('a statement that PostgreSQL refuses', () => {
  it.each<[Name, string]>([
    ['uniqueViolation', 'insert into item values (1, 1)'],
    ['foreignKeyViolation', 'insert into part values (99)'],
    ['foreignKeyViolation', 'delete from item where id = 1'],
    ['exclusionViolation', "insert into booking values ('[2,5)')"],
    ['notNullViolation', 'insert into item (id) values (9)'],
    ['checkViolation', 'insert into item values (9, 100)'],
    ['stringTooLong', "insert into item values (9, 1, 'four')"],
    ['numberOutOfRange', 'insert into item values (9, 40000)'],
    ['invalidTextRepresentation', "insert into item values (9, 'x')"],
    ['invalidDatetime', "insert into item values (9, 1, 'x', 'yesteryear')"],
    ['datetimeOverflow', "insert into item values (9, 1, 'x', '2026-02-30')"],
    ['characterNotInRepertoire', "select convert_from('\\xff', 'utf8')"],
    ['untranslatableCharacter', `select jsonb '"\\u0000"'`],
    ['divisionByZero', 'select 1 / 0'],
    ['undefinedTable', 'select * from nowhere'],
    ['invalidSchemaName', 'create table nowhere.x ()'],
    ['duplicateSchema', 'create schema public'],
    ['duplicateObject', 'create role postgres'],
    ['undefinedObject', 'drop role tenantry_no_such'],
    ['dependentObjects', 'drop table item'],
    ['invalidStatementName', 'execute nowhere'],
    ['invalidParameterValue', "select set_config('work_mem', 'much', false)"],
    ['readOnlyTransaction', 'begin read only; delete from item'],
  ])('has the code that it is known by: %s, %s', async (name, text) => {
    const client = await database.admin.connect();
    const error: unknown = await client.query(text).catch((reason: unknown) => reason);
    client.release(true);
    expect(sqlstateOf(error)).toBe(sqlstate[name]);
    expect(toProblem(error).status).toBe(conditions[name][1]);
  });

  it('has another code from 18 where the key says RESTRICT, and is the same conflict', async () => {
    const error = await failing('delete from item where id = 2');
    expect([sqlstate.restrictViolation, sqlstate.foreignKeyViolation]).toContain(sqlstateOf(error));
    expect(toProblem(error)).toMatchObject({ status: 409, body: { code: 'TENANCY_CONFLICT' } });
  });
});
