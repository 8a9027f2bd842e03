import { type Scope, scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { endsSession } from './ends-session.js';
import { beginOnly, enterByCommands, type Entry, enterScope, Preamble } from './entry.js';
import type { Gate } from './gated-query.js';
import { markNothingRan } from './nothing-ran.js';
import type { WireConnection, WireEvents } from './pg-internals.js';
import { deniesRole, scopeRefusal } from './scope-refusal.js';
import { type GateOptions, scopeSettings } from './scope-settings.js';
import type { StatementNature } from './statement-kind.js';
import { TransactionScope } from './transaction-scope.js';
import { Wire } from './wire.js';

/** The gate of one connection: what may be sent, what goes before it, and what PostgreSQL's answers mean for the next. */
export class ScopeGate implements Gate {
  readonly wire: Wire;
  readonly options: GateOptions;
  readonly #connection: WireConnection;
  readonly #preamble: Preamble;
  readonly #transaction = new TransactionScope();
  /** What the session was given when it began, of what PostgreSQL reports. */
  readonly #given = new Map<string, string>();
  readonly #changed = new Set<string>();
  #tainted = false;
  #denied = false;
  #heldAt = 0;
  #holdTimer: NodeJS.Timeout | undefined;

  constructor(connection: WireConnection, options: GateOptions) {
    this.#connection = connection;
    this.options = options;
    this.wire = new Wire(connection);
    this.#preamble = new Preamble(connection, options);
    connection.on('parameterStatus', (message) => this.#reported(message));
    // Only a function can have said LISTEN: a statement is refused.
    connection.on('notification', () => (this.#tainted = true));
  }

  /**
   * Whether something was left on the session that its next user would inherit, as far as PostgreSQL tells: a function may say `SET`,
   * not only `SET LOCAL`.
   */
  get tainted(): boolean {
    return this.#tainted || (this.#changed.size > 0 && this.wire.status === 'I');
  }

  /**
   * Whether PostgreSQL denied a role on this connection. Its backend may have an old list of memberships, and another
   * connection may be let in.
   */
  get denied(): boolean {
    return this.#denied;
  }

  #reported({ parameterName: name, parameterValue: value }: WireEvents['parameterStatus']): void {
    const given = this.#given.get(name);
    if (this.wire.status === null || given === undefined) this.#given.set(name, value);
    else if (given === value) this.#changed.delete(name);
    else this.#changed.add(name);
    if (name === 'server_version') this.#transaction.entersToCommit = Number.parseInt(value, 10) < 18;
  }

  /** Whether a transaction is open, also one of which PostgreSQL does not know yet. */
  get open(): boolean {
    return this.held || (this.wire.status ?? 'I') !== 'I';
  }

  /** Whether a `begin` was held back: it travels with its transaction's first statement, and costs no round trip. */
  get held(): boolean {
    return this.#transaction.held !== undefined;
  }

  /** Holds a `begin` back, but not for ever: PostgreSQL does not know yet that somebody is idle in a transaction. */
  hold(text: string, scope: Scope | undefined): void {
    this.#transaction.hold({ text }, scopeKey(scope));
    const { idleTransactionTimeoutMs: limit } = this.options;
    this.#heldAt = performance.now();
    if (limit > 0 && !this.#holdTimer) this.#holdTimer = setTimeout(() => this.#endHold(limit), limit).unref();
  }

  /** Forgets a `begin` that was held back and not sent. Whether there was one. */
  letGo(): boolean {
    return this.#transaction.letGo();
  }

  /** Why a statement of this scope may not be part of the open transaction. */
  foreign(scope: Scope | undefined): TenancyError | undefined {
    return this.#transaction.foreign(scopeKey(scope));
  }

  admit(scope: Scope | undefined, nature: StatementNature): Entry | undefined | Error {
    const admission = this.#transaction.admit(scopeKey(scope), nature, this.wire.status ?? 'I');
    if (admission instanceof Error) return admission;
    const { begin, enter } = admission;
    // COPY brings messages with which nothing can travel, so its scope must stand already.
    if (nature.kind.startsWith('copy') && (begin !== undefined || enter !== 'not')) return notStanding(scope);
    if (enter === 'not') return begin === undefined ? undefined : beginOnly(this.#connection, begin);
    const settings = scopeSettings(scope, this.options);
    if (enter === 'all') return enterScope(this.#connection, settings, this.#preamble, begin);
    return enterByCommands(this.#connection, settings, enter !== 'again', begin);
  }

  turn(text: string, send: () => Error | null | undefined | void, shown?: StatementNature): Error | undefined {
    const failed = this.wire.turn(text, send, shown?.kind.startsWith('copy'));
    if (!failed && shown && this.options.idleTransactionTimeoutMs > 0) this.#watch();
    return failed;
  }

  takenBack(): void {
    this.#preamble.takenBack();
  }

  ours<T>(send: () => T): T {
    return this.wire.ours(send);
  }

  entered({ before, commands }: Entry, left: number, nature: StatementNature): void {
    if (commands - left === before) this.#transaction.begun();
    if (left === 0 && before < commands) this.#transaction.entered(nature);
  }

  refused({ begin, before, commands }: Entry, left: number, error: Error, scope: Scope | undefined): Error {
    // The `begin` itself failed, and not the scope: the caller gets PostgreSQL's own error.
    if (commands - left < before && !endsSession(error)) return error;
    // The reason lies in this session, so on another connection the scope would be entered.
    const lost = this.#preamble.failed(error);
    if (lost) this.#tainted = true;
    const refusal = scopeRefusal(error, scope) ?? error;
    // Another error than the one that is marked: with the rest of the transaction it is not worth a new connection.
    this.#transaction.refused(scopeRefusal(error, scope) ?? error);
    // Until PostgreSQL is ready again, the status is that of before the flight.
    if (this.wire.status === 'I') this.unlessRun(error, refusal, lost, begin);
    return refusal;
  }

  /** Marks the error of a flight that would have begun a transaction, where PostgreSQL has not come as far as the statement. */
  unlessRun(error: Error, refusal: Error, lost = false, begin?: string): void {
    const denied = deniesRole(error);
    this.#denied ||= denied;
    const gone = !this.wire.answered && endsSession(error);
    if (lost || denied || gone) markNothingRan(refusal, { begin, denied });
  }

  /**
   * Sends the Sync that PostgreSQL waits for after an error, where the object that brought its own messages does not.
   */
  afterError(): void {
    if (this.wire.needsSync) this.#connection.sync();
  }

  completed(tag: string, nature: StatementNature): void {
    this.#transaction.completed(tag, nature);
  }

  /** Ends a stream that nobody reads or writes any more. */
  #watch(): void {
    const { idleTransactionTimeoutMs: limit } = this.options;
    const { traffic } = this.wire;
    setTimeout(() => {
      if (this.wire.quiet) return;
      if (!this.wire.stalled || this.wire.traffic !== traffic) return this.#watch();
      this.#end(
        `a cursor, a stream or COPY waited ${limit} ms for whoever reads or writes it`,
        'Read each to its end, close it',
      );
    }, limit).unref();
  }

  #endHold(limit: number): void {
    this.#holdTimer = undefined;
    if (!this.held) return;
    const left = this.#heldAt + limit - performance.now();
    if (left > 0) {
      this.#holdTimer = setTimeout(() => this.#endHold(limit), left).unref();
      return;
    }
    this.#end(`a transaction waited ${limit} ms for its first statement`, 'End every transaction that is begun');
  }

  #end(reason: string, advice: string): void {
    const remedy = `${advice}, or raise \`idleTransactionTimeoutMs\`.`;
    this.#connection.stream.destroy(new TenancyError('TENANCY_STATEMENT_TIMEOUT', { reason, remedy }));
  }
}

function notStanding(scope: Scope | undefined): TenancyError {
  const fields = {
    scope: scopeKey(scope),
    reason: 'it does not stand in this transaction',
    remedy: 'Nothing was sent.',
  };
  return new TenancyError('TENANCY_SCOPE_REFUSED', fields);
}
