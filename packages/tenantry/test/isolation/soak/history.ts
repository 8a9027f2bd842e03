import { type Outcome, outcomeOf } from './outcome-of.js';

/** What an operation was, as far as its effect is concerned. */
export type Kind =
  | 'read'
  | 'write'
  | 'delete'
  | 'begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'release'
  | 'rollback to'
  | 'let go'
  | 'limits'
  | 'erase'
  | 'revoke'
  | 'other';

/** What is known of an operation before it is begun. */
export interface Intent {
  readonly task: number;
  /** Whose code it was: a tenant's id, or `nobody`. */
  readonly tenant: string;
  /** The checkout it goes through. A statement that takes a connection for itself has a line of its own. */
  readonly line: number;
  readonly kind: Kind;
  /** The statement or the call, for people. */
  readonly what: string;
  /** Rows that it writes or deletes, by their unique tokens. */
  readonly tokens?: readonly string[];
  /** Isolation level that a `begin` asks for; `unknown` where it is settled later. */
  readonly level?: string;
  /** Of a `commit` or `rollback`: whether the next transaction begins with it. */
  readonly chain?: boolean;
  /** Of a savepoint. */
  readonly name?: string;
  /** Whether the code waited for it before it went on. */
  readonly awaited?: boolean;
  /** Of a read: whether it may have seen only some of the rows. */
  readonly partial?: boolean;
  /** Sent by code that had given its connection back: which transaction it met is anybody's guess. */
  readonly late?: boolean;
}

/** What PostgreSQL answered. */
export interface Answer {
  /** Rows that were read, written or deleted. */
  readonly tokens?: readonly string[];
  /** The role that the statement ran as. */
  readonly role?: string;
  /** The question that this is the answer to. */
  readonly asked?: string;
  readonly level?: string;
  /** The statement timeout that was in force. */
  readonly limit?: string;
  /** A setting that nobody may have left behind. */
  readonly leak?: string;
  readonly backend?: number;
  /** PostgreSQL's own word for what it did. */
  readonly tag?: string;
}

/** One operation: who asked what, when, and what came of it. Times are ticks of the history's own clock. */
export interface Operation extends Intent {
  readonly id: number;
  readonly begun: number;
  readonly answered?: number;
  readonly outcome?: Outcome;
  /** SQLSTATE or code of the error. */
  readonly code?: string;
  readonly error?: string;
  readonly answer?: Answer;
}

/** What happened, in order. It has no clock of its own but counts what happens: one process sees it all. */
export class History {
  readonly operations: Operation[] = [];
  #ticks = 0;
  #lines = 0;
  readonly #firstId: number;

  /** @param firstId - Of the first operation, so that ids, and tokens made of them, are unique over many histories. */
  constructor(firstId = 0) {
    this.#firstId = firstId;
  }

  /** Grows with everything that happens. */
  get ticks(): number {
    return this.#ticks;
  }

  /** The id that the next operation will have. */
  get nextId(): number {
    return this.#firstId + this.operations.length;
  }

  newLine(): number {
    return ++this.#lines;
  }

  /** Operations that nobody answered yet. */
  pending(): readonly Operation[] {
    return this.operations.filter(({ outcome }) => outcome === undefined);
  }

  /** Does it, and writes down what came of it. */
  async record(intent: Intent, act: () => Promise<Answer | void>): Promise<Answer> {
    const index = this.operations.length;
    const begun = { ...intent, id: this.nextId, begun: ++this.#ticks };
    this.operations.push(begun);
    try {
      const answer = (await act()) ?? {};
      this.operations[index] = { ...begun, answered: ++this.#ticks, outcome: 'done', answer };
      return answer;
    } catch (error) {
      this.operations[index] = { ...begun, answered: ++this.#ticks, ...outcomeOf(error) };
      throw error;
    }
  }

  /** Writes down what happens at one moment. */
  note(intent: Intent): void {
    const begun = ++this.#ticks;
    this.operations.push({ ...intent, id: this.nextId, begun, answered: ++this.#ticks, outcome: 'done' });
  }
}
