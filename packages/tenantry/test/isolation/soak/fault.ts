import type { Operation } from './history.js';

/** What is wrong, in one word per kind. */
export type FaultKind =
  /** A row of one tenant was shown to another. */
  | 'foreign row'
  /** A row lies where another tenant's rows are. */
  | 'misplaced row'
  /** A statement ran as somebody else, or with somebody else's settings. */
  | 'wrong scope'
  /** The answer to another question. */
  | 'wrong answer'
  /** A write that was acknowledged is not there; or is seen no more; or is there twice. */
  | 'lost write'
  | 'double write'
  /** A row is there, or was seen, that must not be: rolled back, deleted, or not committed yet. */
  | 'risen row'
  /** A statement ran in another transaction than its code knows of. */
  | 'wrong transaction'
  /** Refused for a reason that did not exist. */
  | 'needless refusal'
  /** Something stayed on a connection. */
  | 'not neutral'
  /** An operation was never answered, or a connection never given back. */
  | 'hang'
  /** An error that nobody could catch: the process would have ended. */
  | 'uncaught';

/** One fault, and the operations that show it. */
export interface Fault {
  readonly kind: FaultKind;
  readonly says: string;
  readonly operations: readonly Operation[];
}
