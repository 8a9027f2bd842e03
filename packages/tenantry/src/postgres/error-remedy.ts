import { sqlstate, sqlstateOf } from './sqlstate.js';

/** What an operator can do where PostgreSQL itself says what is wrong. */
const bySqlstate: Readonly<Record<string, (variable: string) => string>> = {
  [sqlstate.lockNotAvailable]: () =>
    'Another transaction holds what it wanted: pg_blocking_pids() names it. A migration waits `lockTimeoutMs`; other statements wait as long as `lock_timeout` of their role says, and not at all with NOWAIT.',
  [sqlstate.idleInTransactionTimeout]: () =>
    'The transaction waited too long for its next statement: wait for nothing else inside it, or raise `idleTransactionTimeoutMs`.',
  [sqlstate.transactionTimeout]: () =>
    'The whole transaction took longer than `transaction_timeout` allows, a setting of the role, the database or the server: raise it there, or make the transaction shorter.',
  [sqlstate.tooManyConnections]: () =>
    'It has no connection left for this role: lower `connections` of the processes, or raise `max_connections`, or the limit of the role or the database.',
  [sqlstate.readOnlyTransaction]: (variable) =>
    `If ${variable} leads to a standby, let it lead to the primary; if the server, the database or the role is set to default_transaction_read_only, reset that. A transaction that was begun read-only must not write.`,
  [sqlstate.idleSessionTimeout]: (variable) =>
    `Connections of a pool may be idle: set idle_session_timeout to 0 for the role of ${variable}.`,
  [sqlstate.adminShutdown]: () =>
    'It was stopped, or somebody ended this connection with pg_terminate_backend(); its log says which.',
  [sqlstate.crashShutdown]: () => 'Another connection of it crashed and it recovers; its log says why.',
  [sqlstate.cannotConnectNow]: () => 'It is starting, stopping or recovering; if it stays so, its log says why.',
  [sqlstate.databaseDropped]: (variable) => `Somebody dropped the database that ${variable} names.`,
};

/** Said in the middle of a connection that had been made: no URL is wrong. */
const lostWords =
  /^(?:Connection terminated(?! due to connection timeout)|Client has encountered|Client was closed|server closed|write after end|read ECON|write E)/i;

/** What an operator can do about an error of PostgreSQL or of the way to it. Pure. */
export function remedyFor(error: Error, variable: string): string {
  const state = sqlstateOf(error);
  if (state === sqlstate.queryCanceled) return remedyForCancelled(error.message);
  if (state !== undefined) return bySqlstate[state]?.(variable) ?? checkUrl(variable);
  if (lostWords.test(error.message))
    return 'The connection was lost while it was in use: its log, or the network, says why.';
  return `Check that it runs and that ${variable} is right.`;
}

/** One SQLSTATE for two causes; only the words, which may be in another language, tell them apart. */
function remedyForCancelled(reason: string): string {
  const tooLong = 'raise `statementTimeoutMs` (`migrationTimeoutMs` for migrations), or make the statement faster';
  if (/statement timeout/.test(reason)) return `R${tooLong.slice(1)}.`;
  const somebody = 'omebody cancelled it: with pg_cancel_backend(), or by ending what it was for';
  if (/user request/.test(reason)) return `S${somebody}.`;
  return `If it ran too long, ${tooLong}; otherwise s${somebody}.`;
}

function checkUrl(variable: string): string {
  return `Check the login, its password and its rights, and the database that ${variable} names.`;
}
