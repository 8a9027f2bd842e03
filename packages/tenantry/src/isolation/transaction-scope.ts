import { TenancyError } from '../errors/tenancy-error.js';
import type { TransactionStatus } from './pg-internals.js';
import type { StatementNature } from './statement-kind.js';

/**
 * What must go before a statement, in its flight: `begin`, the one that was held back; and of the scope's settings all, none, or
 * those that a statement of this transaction may have changed.
 */
export interface Admission {
  readonly begin?: string | undefined;
  readonly enter: 'not' | 'first' | 'again' | 'again with limits';
}

/**
 * How the scope's settings stand in the open transaction: not set yet; set, and nothing ran since; something ran that may have
 * changed role and path; gone with the transaction before this one.
 */
type Standing = 'not yet' | 'yes' | 'perhaps' | 'gone';

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
      // Its COMMIT would end the implicit transaction, and the settings with it: the rest would run as the login.
      if (kind === 'procedure')
        return refusal(`${what} outside a transaction`, 'Call it inside one: em.transactional(…).');
      this.#begin(scope);
      if (kind === 'begin') return { enter: 'not' };
    }
    // In a failed transaction PostgreSQL runs nothing but the way out of it.
    const wayOut = kind === 'rollback' || kind === 'rollback to';
    if (status === 'E') return this.#refusal && !wayOut ? this.#refusal : { enter: 'not' };
    return { begin: this.#held?.text, enter: this.#entering(kind, open) };
  }

  #entering(kind: StatementNature['kind'], open: boolean): Admission['enter'] {
    const ends = kind === 'commit' || kind === 'rollback' || kind === 'chain';
    if (kind === 'unknown') return 'not';
    if (this.#standing === 'not yet') return open && (kind === 'rollback' || kind === 'mode') ? 'not' : 'first';
    if (this.#standing === 'yes') return 'not';
    if (kind === 'rollback' || (ends && !this.entersToCommit)) return 'not';
    // Before a savepoint: what is set after it, a rollback to it takes back.
    if (this.#standing === 'gone') return 'again with limits';
    return kind === 'savepoint' || kind === 'rollback to' ? 'not' : 'again';
  }

  /** PostgreSQL has not entered the scope. */
  refused(why: Error): void {
    this.#refusal = why;
  }

  #begin(scope: string): void {
    this.#of = scope;
    this.#standing = 'not yet';
    this.#refusal = undefined;
  }

  /** PostgreSQL has opened the transaction that was held back. */
  begun(): void {
    this.#held = undefined;
  }

  /** PostgreSQL has entered the scope. */
  entered(): void {
    this.#held = undefined;
    this.#standing = 'yes';
  }

  /**
   * PostgreSQL has done a statement. Any may have run a function that says `set local role`.
   *
   * @param tag - PostgreSQL's own word for what it ran, so that no text has to be believed.
   */
  completed(tag: string, { kind }: StatementNature): void {
    if (/^(?:COMMIT|ROLLBACK)\b/.test(tag) && kind !== 'rollback to') this.#standing = 'gone';
    else if (this.#standing === 'yes' && kind !== 'savepoint' && kind !== 'nothing') this.#standing = 'perhaps';
  }
}

function refusal(what: string, remedy: string): TenancyError {
  return new TenancyError('TENANCY_STATEMENT_REFUSED', { what, remedy });
}
