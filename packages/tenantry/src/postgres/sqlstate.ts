/** Names for the SQLSTATEs that Tenantry acts on. Source: PostgreSQL manual, appendix A. */
export const sqlstate = {
  untranslatableCharacter: '22P05',
  characterNotInRepertoire: '22021',
  invalidParameterValue: '22023',
  invalidTextRepresentation: '22P02',
  stringTooLong: '22001',
  numberOutOfRange: '22003',
  invalidDatetime: '22007',
  datetimeOverflow: '22008',
  divisionByZero: '22012',
  notNullViolation: '23502',
  foreignKeyViolation: '23503',
  restrictViolation: '23001',
  uniqueViolation: '23505',
  checkViolation: '23514',
  exclusionViolation: '23P01',
  invalidStatementName: '26000',
  insufficientPrivilege: '42501',
  duplicateSchema: '42P06',
  duplicateObject: '42710',
  undefinedObject: '42704',
  dependentObjects: '2BP01',
  duplicatePreparedStatement: '42P05',
  undefinedTable: '42P01',
  invalidSchemaName: '3F000',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  tooManyConnections: '53300',
  outOfSharedMemory: '53200',
  objectInUse: '55006',
  lockNotAvailable: '55P03',
  unsafeNewEnumValue: '55P04',
  queryCanceled: '57014',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03',
  databaseDropped: '57P04',
  idleSessionTimeout: '57P05',
  readOnlyTransaction: '25006',
  idleInTransactionTimeout: '25P03',
  transactionTimeout: '25P04',
  protocolViolation: '08P01',
  internalError: 'XX000',
} as const;

/** The SQLSTATE of an error from `pg`, if it is one. */
export function sqlstateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  // Of a socket, `EPIPE` has five characters too.
  if (syscall !== undefined) return undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
