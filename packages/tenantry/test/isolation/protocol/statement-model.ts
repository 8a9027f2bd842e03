import { ServerError } from './backend-message.js';
import { login, type TransactionModel } from './transaction-model.js';

/** What a statement answered. */
export interface Answer {
  readonly tag: string;
  /** Values of its one column; not set, it has no rows. */
  readonly rows?: readonly string[];
  readonly copy?: 'in' | 'out';
  /** Whether it began or ended a transaction, after which PostgreSQL closes the one it ran in. */
  readonly transactional?: boolean;
}

/** What the session that runs a statement keeps besides its transaction. */
export interface StatementHost {
  readonly transaction: TransactionModel;
  /** Texts of prepared statements, by name. */
  readonly prepared: Map<string, string>;
  /** Rows of the cursors that were declared, by name. */
  readonly cursors: Map<string, readonly string[]>;
  /** A statement of some tenant's code runs now. */
  ran(marker: Marker): void;
  losePrepared(): void;
  warn(code: string, sentence: string): void;
}

/** Whose statement it is, as its text says. */
export interface Marker {
  readonly tenant: string;
  /** Names the statement, and the row that it writes. */
  readonly id: string;
  /** Sent on somebody else's connection, on purpose. */
  readonly stray: boolean;
}

const markerAtEnd = /-- of (\w+) #(\w+)( stray)?\s*$/;

/** A text as code of a tenant sends it. Statements that begin and end transactions go without, as they are written. */
export function marked(tenant: string, id: string, text: string, stray = false): string {
  return `${text} -- of ${tenant} #${id}${stray ? ' stray' : ''}`;
}

/** Runs one statement in the model. Knows a small part of SQL; what it does not know is a statement that does nothing. */
export function runStatement(host: StatementHost, text: string, values: readonly (string | null)[] = []): Answer {
  const { transaction } = host;
  const found = markerAtEnd.exec(text);
  const marker = found ? { tenant: found[1] ?? '', id: found[2] ?? '', stray: found[3] !== undefined } : undefined;
  const sql = text.replace(markerAtEnd, '').replace(/;\s*$/, '').trim();
  const ends = /^(?:commit|end|rollback|abort)\b/i.test(sql);
  if (transaction.status === 'E' && !ends)
    throw new ServerError('25P02', 'current transaction is aborted, commands ignored until end of transaction block');
  transaction.enter();
  // What only begins, ends or divides a transaction touches nothing of anybody's.
  if (marker && !/^(?:begin|start|commit|end|rollback|abort|savepoint|release)\b/i.test(sql)) host.ran(marker);
  const answer = transactional(host, sql) ?? setting(host, sql) ?? lasting(host, sql);
  const done = answer ?? data(host, sql, marker, values);
  transaction.count();
  return done;
}

function transactional({ transaction, warn }: StatementHost, sql: string): Answer | undefined {
  if (/^(?:begin|start transaction)\b/i.test(sql)) {
    if (transaction.explicit) warn('25001', 'there is already a transaction in progress');
    if (/\bisolation\b/i.test(sql)) transaction.isolate();
    transaction.begin();
    return { tag: 'BEGIN', transactional: true };
  }
  const savepoint = /^(savepoint|release(?: savepoint)?|rollback to(?: savepoint)?) (\w+)$/i.exec(sql);
  if (savepoint) {
    const [, command = '', name = ''] = savepoint;
    if (/^savepoint/i.test(command)) transaction.savepoint(name);
    else if (/^rollback/i.test(command)) transaction.rollbackTo(name);
    const [tag = ''] = command.toUpperCase().split(' ');
    return { tag };
  }
  const end = /^(commit|end|rollback|abort)(?: work| transaction)?( and chain)?$/i.exec(sql);
  if (!end) return undefined;
  if (!transaction.explicit && !end[2]) warn('25P01', 'there is no transaction in progress');
  const how = /^(?:commit|end)$/i.test(end[1] ?? '') ? 'commit' : 'rollback';
  return { tag: transaction.end(how, end[2] !== undefined), transactional: true };
}

function setting({ transaction }: StatementHost, sql: string): Answer | undefined {
  if (/^set (?:local )?transaction\b/i.test(sql)) {
    transaction.isolate();
    return { tag: 'SET' };
  }
  const set = /^set (local |session )?([\w.]+)(?:\s*=\s*|\s+to\s+|\s+)(.+)$/i.exec(sql);
  if (!set) return undefined;
  const [, where = '', name = '', value = ''] = set;
  transaction.set(name.toLowerCase(), unquoted(value, name), /local/i.test(where));
  return { tag: 'SET' };
}

/** What outlives its transaction. */
function lasting(host: StatementHost, sql: string): Answer | undefined {
  const { transaction, prepared, cursors } = host;
  const listen = /^listen (\w+)$/i.exec(sql);
  if (listen) {
    transaction.leaveBehind(`listens to ${listen[1]}`);
    return { tag: 'LISTEN' };
  }
  const declare = /^declare (\w+)(?: no scroll)? cursor( with hold)? for\b(.*)$/i.exec(sql);
  if (declare) {
    const [, name = '', hold, select = ''] = declare;
    if (!hold && !transaction.block)
      throw new ServerError('25P01', 'DECLARE CURSOR can only be used in transaction blocks');
    cursors.set(name, data(host, select.trim(), undefined, []).rows ?? []);
    if (hold) transaction.leaveBehind(`cursor ${name}`);
    return { tag: 'DECLARE CURSOR' };
  }
  const fetch = /^fetch (\d+) from (\w+)$/i.exec(sql);
  if (fetch) {
    const rows = cursors.get(fetch[2] ?? '');
    if (!rows) throw new ServerError('34000', `cursor "${fetch[2]}" does not exist`);
    return { tag: `FETCH ${rows.length}`, rows: rows.slice(0, Number(fetch[1])) };
  }
  const prepare = /^prepare (\w+) as (.+)$/i.exec(sql);
  if (prepare) {
    transaction.query();
    const [, name = '', text = ''] = prepare;
    if (prepared.has(name)) throw new ServerError('42P05', `prepared statement "${name}" already exists`);
    prepared.set(name, text);
    return { tag: 'PREPARE' };
  }
  if (!/^deallocate all$/i.test(sql)) return undefined;
  transaction.query();
  host.losePrepared();
  return { tag: 'DEALLOCATE ALL' };
}

function data(
  host: StatementHost,
  sql: string,
  marker: Marker | undefined,
  values: readonly (string | null)[],
): Answer {
  const { transaction } = host;
  transaction.query();
  const copy = /^copy\b.*\b(from stdin|to stdout)/i.exec(sql);
  if (copy) return { tag: 'COPY 1', copy: /from/i.test(copy[1] ?? '') ? 'in' : 'out' };
  const write = /^(insert|update|delete)\b/i.exec(sql);
  if (write) {
    if (marker) transaction.write(marker.id);
    return { tag: write[1]?.toLowerCase() === 'insert' ? 'INSERT 0 1' : `${write[1]?.toUpperCase()} 1` };
  }
  if (/^call\b/i.test(sql)) {
    // A procedure that commits: what comes after runs in a new transaction.
    if (transaction.explicit) throw new ServerError('2D000', 'invalid transaction termination');
    transaction.end('commit');
    transaction.enter();
    if (marker) host.ran(marker);
    return { tag: 'CALL' };
  }
  if (!/^select\b/i.test(sql)) return { tag: sql.split(/\s/, 1)[0]?.toUpperCase() ?? '' };
  if (/1\/(?:0|id)/.test(sql)) throw new ServerError('22012', 'division by zero', true);
  const sets = [...sql.matchAll(/set_config\(\s*'(\w+)'\s*,\s*(?:\$(\d+)|'([^']*)')\s*,\s*(true|false)\s*\)/gi)];
  if (sets.length > 0 && transaction.role !== login)
    throw new ServerError('42501', 'permission denied for function set_config');
  for (const [, name = '', parameter, literal, local] of sets)
    transaction.set(name, parameter ? (values[Number(parameter) - 1] ?? '') : (literal ?? ''), local === 'true');
  const leaves = /\bleave_for\('(\w+)'\)/i.exec(sql);
  if (leaves) transaction.set('role', leaves[1] ?? '', true);
  if (/\blose_prepared\(\)/i.test(sql)) host.losePrepared();
  const count = Number(/\bfrom rows\((\d+)\)/i.exec(sql)?.[1] ?? 1);
  const value = /^select '([^']*)' as value\b/i.exec(sql)?.[1] ?? '';
  return { tag: `SELECT ${count}`, rows: Array.from({ length: count }, () => value) };
}

/** The value of a setting, as `current_setting` would show it. A search path is kept as it was written. */
function unquoted(value: string, name: string): string {
  const trimmed = value.trim();
  if (name.toLowerCase() === 'search_path' && trimmed !== "''") return trimmed;
  return trimmed.replace(/^(['"])(.*)\1$/, '$2');
}
