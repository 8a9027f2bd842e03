import { TenancyError } from '../errors/tenancy-error.js';
import type { TransactionStatus } from './pg-internals.js';
import type { StatementKind, StatementNature } from './statement-kind.js';

/**
 * What must go before a statement, in its flight: `begin`, the one that was held back; and of the scope's settings none, all, all by
 * commands that take no snapshot, or those that a statement of this transaction may have changed.
 */
export interface Admission {
  readonly begin?: string | undefined;
  readonly enter: 'not' | 'all' | 'all without a snapshot' | 'again';
}

/**
 * How the scope's settings stand in the open transaction: not set yet; set, and nothing ran since; something ran that may have
 * changed role and path; gone with the transaction before this one.
 */
type Standing = 'not yet' | 'yes' | 'perhaps' | 'gone';

/** Kinds that run no function of anybody's, so that they cannot change role or path. */
const runNothing = new Set<StatementKind>(['savepoint', 'rollback to', 'nothing', 'mode']);

/** The text of a `begin` that was answered but not sent. */
export interface HeldBegin {
  readonly text: string;
}

/**
 * Which scope a connection's transaction belongs to, and whether its settings stand: what PostgreSQL said so far, and no
 * more. It knows no connection and no clock.
 */
export class TransactionScope {
  /** Key of the scope whose transaction is open. */
  #of = 'none';
  #standing: Standing = 'not yet';
  #held: HeldBegin | undefined;
  /** Whether the transaction was given a mode. PostgreSQL accepts modes only before the snapshot. */
  #moded = false;
  /** Why its scope could not be entered: until the transaction's end, every statement of it fails for that reason. */
  #refusal: Error | undefined;
  /** Before 18 a deferred trigger runs as whoever the transaction is at its end, since then as whoever it was when it was queued. */
  entersToCommit = false;

  /** A `begin` that was held back: it travels with its transaction's first statement, and costs no round trip. */
  get held(): HeldBegin | undefined {
    return this.#held;
  }

  /** Answers a `begin` without PostgreSQL. */
  hold(begin: HeldBegin, scope: string): void {
    this.#held = begin;
    this.#begin(scope);
  }

  /** Forgets a `begin` that was never sent. Whether there was one. */
  letGo(): boolean {
    const held = this.#held !== undefined;
    this.#held = undefined;
    return held;
  }

  /** Why a statement of this scope may not be part of the open transaction. */
  foreign(scope: string): TenancyError | undefined {
    if (scope === this.#of) return undefined;
    return new TenancyError('TENANCY_SCOPE_MISMATCH', { what: 'A transaction', other: this.#of, scope });
  }

  /** Admits a statement, as the connection is now. */
  admit(scope: string, { kind, what = 'It' }: StatementNature, status: TransactionStatus): Admission | Error {
    if (kind === 'lasting') return refusal(what, 'Use what ends with a transaction, such as SET LOCAL.');
    const open = status !== 'I' || this.#held !== undefined;
    if (open) {
      const foreign = this.foreign(scope);
      if (foreign) return foreign;
    } else {
      // A lock or a cursor would be gone at once. A procedure's COMMIT would end the implicit transaction, and the settings with
      // it: the rest would run as the login.
      if (kind === 'inside') return refusal(`${what} outside a transaction`, 'Use it inside one: em.transactional(…).');
      this.#begin(scope);
      if (kind === 'begin') return { enter: 'not' };
    }
    // In a failed transaction PostgreSQL runs nothing but the way out of it.
    const wayOut = kind === 'rollback' || kind === 'rollback to';
    if (status === 'E') return this.#refusal && !wayOut ? this.#refusal : { enter: 'not' };
    const enter = this.#entering(kind, open);
    // It counts as run from here on, whatever is heard of it: a cursor that is closed early reports nothing.
    if (this.#standing === 'yes' && !runNothing.has(kind)) this.#standing = 'perhaps';
    if (kind === 'mode') this.#moded = true;
    return { begin: this.#held?.text, enter };
  }

  #entering(kind: StatementKind, open: boolean): Admission['enter'] {
    if (kind === 'unknown') return 'not';
    const ends = kind === 'commit' || kind === 'rollback' || kind === 'chain';
    if (this.#standing === 'not yet') {
      if (open && (kind === 'rollback' || kind === 'mode')) return 'not';
      // The query that enters the scope takes the transaction's snapshot. Before LOCK, and before what must precede a
      // snapshot, commands enter it instead.
      const early = open && (this.#moded || kind !== 'query' || /\bisolation\b/i.test(this.#held?.text ?? ''));
      return early ? 'all without a snapshot' : 'all';
    }
    if (this.#standing === 'yes') return 'not';
    if (kind === 'rollback' || (ends && !this.entersToCommit)) return 'not';
    // Entered before the savepoint is made: a rollback to it takes back what is set after it.
    if (this.#standing === 'gone') return 'all without a snapshot';
    return kind === 'savepoint' || kind === 'rollback to' ? 'not' : 'again';
  }

  /** PostgreSQL has not entered the scope. */
  refused(why: Error): void {
    this.#refusal = why;
  }

  #begin(scope: string): void {
    this.#of = scope;
    this.#standing = 'not yet';
    this.#moded = false;
    this.#refusal = undefined;
  }

  /** PostgreSQL has opened the transaction that was held back. */
  begun(): void {
    this.#held = undefined;
  }

  /** PostgreSQL has entered the scope, and runs the statement. Any may call a function that says `set local role`. */
  entered({ kind }: StatementNature): void {
    this.#held = undefined;
    this.#standing = runNothing.has(kind) ? 'yes' : 'perhaps';
  }

  /**
   * PostgreSQL has done a statement.
   *
   * @param tag - PostgreSQL's own word for what it ran, so that no text has to be believed.
   */
  completed(tag: string, { kind }: StatementNature): void {
    if (/^(?:COMMIT|ROLLBACK)\b/.test(tag) && kind !== 'rollback to') this.#standing = 'gone';
    // A rollback to a savepoint also takes back settings that were made after it.
    else if (kind === 'rollback to' && this.#standing === 'yes') this.#standing = 'perhaps';
  }
}

function refusal(what: string, remedy: string): TenancyError {
  return new TenancyError('TENANCY_STATEMENT_REFUSED', { what, remedy });
}
