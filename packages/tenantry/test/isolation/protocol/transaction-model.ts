import { ServerError, type TransactionStatus } from './backend-message.js';

/** Settings by name, as far as the model knows them. */
type Settings = Map<string, string>;

interface Transaction {
  /** Begun by a statement; otherwise it ends with the flight that it was opened for. */
  explicit: boolean;
  failed: boolean;
  /** What `set local` and `set_config(…, true)` set. */
  local: Settings;
  /** What `set` set: kept when the transaction commits. */
  readonly kept: Settings;
  /** Whether a query has run, after which no isolation level can be chosen. */
  queried: boolean;
  /** Whether it has another isolation level than the default. */
  isolated: boolean;
  /** How many statements have run. */
  ran: number;
  savepoints: { readonly name: string; readonly local: Settings; readonly writes: number }[];
  writes: string[];
  /** What a commit leaves on the session. */
  readonly leaves: string[];
  /** Whose statement came first. */
  owner?: string;
}

/** The role that a session logs in as. */
export const login = 'login';

/** The roles that the login may switch to, besides its own. */
export const tenantRoles = ['a_shop', 'b_shop'] as const;

/** What a session has in common with the others. */
export interface TransactionGround {
  /** Major version of PostgreSQL. */
  readonly version: number;
  /** Ids of the writes that were committed, on whatever session. */
  readonly committed: Set<string>;
  /** Whether a role can still be switched to. */
  mayEnter(role: string): boolean;
}

/** Transactions and settings of one session, as PostgreSQL keeps them. */
export class TransactionModel {
  #transaction: Transaction | undefined;
  readonly #session: Settings = new Map();
  /** What would outlast every transaction: listening, cursors with hold, advisory locks. */
  readonly left = new Set<string>();
  readonly #ground: TransactionGround;

  constructor(ground: TransactionGround) {
    this.#ground = ground;
  }

  get status(): TransactionStatus {
    if (!this.#transaction?.explicit) return 'I';
    return this.#transaction.failed ? 'E' : 'T';
  }

  get open(): boolean {
    return this.#transaction !== undefined;
  }

  get explicit(): boolean {
    return this.#transaction?.explicit ?? false;
  }

  /** Chooses an isolation level, which comes before the first query; the one that it has may be chosen again. */
  isolate(): void {
    const transaction = this.enter();
    if (!transaction.isolated && (transaction.queried || transaction.savepoints.length > 0))
      throw new ServerError('25001', 'SET TRANSACTION ISOLATION LEVEL must be called before any query');
    transaction.isolated = true;
  }

  /** Whether this is a block of statements: begun as one or, since 18, sent as one flight. */
  get block(): boolean {
    return this.explicit || (this.#ground.version >= 18 && (this.#transaction?.ran ?? 0) > 0);
  }

  /** A statement has run in it. */
  count(): void {
    if (this.#transaction) this.#transaction.ran++;
  }

  get role(): string {
    const role = this.#setting('role') ?? login;
    return role === 'none' ? login : role;
  }

  get path(): string {
    return this.#setting('search_path') ?? '';
  }

  /** What a borrower would find that is not its own. */
  leftovers(): string[] {
    return [...[...this.#session].map(([name, value]) => `${name} = ${value}`), ...this.left];
  }

  /** Every message that may run something runs in a transaction. */
  enter(): Transaction {
    return (this.#transaction ??= {
      explicit: false,
      failed: false,
      local: new Map(),
      kept: new Map(),
      queried: false,
      isolated: false,
      ran: 0,
      savepoints: [],
      writes: [],
      leaves: [],
    });
  }

  begin(): void {
    this.enter().explicit = true;
  }

  /** Ends the transaction; answers what PostgreSQL says it did. */
  end(how: 'commit' | 'rollback', chain = false): 'COMMIT' | 'ROLLBACK' {
    const transaction = this.enter();
    if (chain && !transaction.explicit)
      throw new ServerError('25P01', 'AND CHAIN can only be used in transaction blocks');
    const done = how === 'commit' && !transaction.failed;
    if (done) {
      for (const write of transaction.writes) this.#ground.committed.add(write);
      for (const [name, value] of transaction.kept) this.#session.set(name, value);
      for (const what of transaction.leaves) this.left.add(what);
    }
    this.#transaction = undefined;
    if (chain) {
      this.begin();
      this.enter().isolated = transaction.isolated;
    }
    return done ? 'COMMIT' : 'ROLLBACK';
  }

  /** An error: an explicit transaction waits for its end, any other one is over. */
  fail(): void {
    if (this.#transaction?.explicit) this.#transaction.failed = true;
    else this.#transaction = undefined;
  }

  set(name: string, value: string, local: boolean): void {
    if (name === 'role') this.#requireRole(value);
    const transaction = this.enter();
    if (local) transaction.local.set(name, value);
    else transaction.kept.set(name, value);
  }

  query(): void {
    this.enter().queried = true;
  }

  write(id: string): void {
    this.enter().writes.push(id);
  }

  leaveBehind(what: string): void {
    this.enter().leaves.push(what);
  }

  savepoint(name: string): void {
    const { local, writes } = this.#requireExplicit();
    this.enter().savepoints.push({ name, local: new Map(local), writes: writes.length });
  }

  rollbackTo(name: string): void {
    const transaction = this.#requireExplicit();
    const index = transaction.savepoints.findLastIndex((savepoint) => savepoint.name === name);
    const savepoint = transaction.savepoints[index];
    if (!savepoint) throw new ServerError('3B001', `savepoint "${name}" does not exist`);
    transaction.savepoints = transaction.savepoints.slice(0, index + 1);
    transaction.local = new Map(savepoint.local);
    transaction.writes = transaction.writes.slice(0, savepoint.writes);
    transaction.failed = false;
  }

  /** The tenant whose statement was the first of the explicit transaction that is open. */
  ownerOr(tenant: string): string {
    const transaction = this.enter();
    return transaction.explicit ? (transaction.owner ??= tenant) : tenant;
  }

  #setting(name: string): string | undefined {
    return this.#transaction?.local.get(name) ?? this.#transaction?.kept.get(name) ?? this.#session.get(name);
  }

  #requireExplicit(): Transaction {
    if (!this.#transaction?.explicit) throw new ServerError('25P01', 'can only be used in transaction blocks');
    return this.#transaction;
  }

  #requireRole(role: string): void {
    if (role === login || role === 'none') return;
    if (!(tenantRoles as readonly string[]).includes(role))
      throw new ServerError('22023', `role "${role}" does not exist`);
    if (!this.#ground.mayEnter(role)) throw new ServerError('42501', `permission denied to set role "${role}"`);
  }
}
