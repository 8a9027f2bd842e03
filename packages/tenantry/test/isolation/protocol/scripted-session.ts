import { backend, type BackendMessage, ServerError } from './backend-message.js';
import type { FrontendMessage } from './frontend-message.js';
import { type Answer, type Marker, runStatement, type StatementHost } from './statement-model.js';
import { TransactionModel } from './transaction-model.js';

interface Portal {
  readonly text: string;
  readonly values: readonly (string | null)[];
  /** Rows that are still to be sent, once it ran. */
  left?: string[];
  answer?: Answer;
}

/** What a session tells whoever watches it. */
export interface SessionWatch {
  /** Major version of PostgreSQL. */
  readonly version: number;
  readonly committed: Set<string>;
  mayEnter(role: string): boolean;
  ran(marker: Marker, session: ScriptedSession): void;
  lost(): void;
}

/** One backend: takes the protocol's messages one at a time, and answers as PostgreSQL does, in the same order. */
export class ScriptedSession implements StatementHost {
  readonly transaction: TransactionModel;
  readonly prepared = new Map<string, string>();
  readonly cursors = new Map<string, readonly string[]>();
  /** What a client can read once it is flushed. */
  readonly flushed: BackendMessage[] = [];
  readonly #buffered: BackendMessage[] = [];
  readonly #portals = new Map<string, Portal>();
  readonly #watch: SessionWatch;
  /** After an error in the extended protocol nothing counts until Sync. */
  #skipping = false;
  /** Waiting for COPY's data, begun by a simple query or not. */
  #copying: 'simple' | 'extended' | undefined;
  #copied = 0;
  #simple = false;
  /** Whether it has ended, by its own doing or the client's. */
  ended = false;
  /** Fails the next message that can fail. */
  failNext: ServerError | undefined;

  constructor(watch: SessionWatch) {
    this.#watch = watch;
    this.transaction = new TransactionModel(watch);
  }

  ran(marker: Marker): void {
    this.#watch.ran(marker, this);
  }

  /** What was prepared by name is gone, as after `deallocate all` in a function. */
  losePrepared(): void {
    this.prepared.clear();
    this.#watch.lost();
  }

  warn = (code: string, sentence: string): void => this.#send(backend.notice(code, sentence));

  /** Ends the session; what it had not committed is gone. */
  end(): void {
    this.ended = true;
    this.transaction.end('rollback');
  }

  /** Whether a failure can be put in the place of this message's answer. */
  canFail({ kind }: FrontendMessage): boolean {
    return !this.#skipping && !this.#copying && ['P', 'B', 'E', 'Q'].includes(kind);
  }

  handle(message: FrontendMessage): void {
    if (this.ended) return;
    try {
      if (this.failNext && this.canFail(message)) {
        this.#simple = message.kind === 'Q';
        const failure = this.failNext;
        this.failNext = undefined;
        throw failure;
      }
      this.#handle(message);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#fail(error);
    }
  }

  #handle(message: FrontendMessage): void {
    if (message.kind === 'X') return this.end();
    if (message.kind === '!') return this.#greet();
    if (this.#copying) return this.#takeCopy(message);
    if (this.#skipping && message.kind !== 'S') return undefined;
    switch (message.kind) {
      case 'Q':
        return this.#simpleQuery(message.text);
      case 'P':
        return this.#parse(message.name, message.text);
      case 'B':
        return this.#bind(message.portal, message.name, message.values);
      case 'D':
        return this.#describe(message.of, message.name);
      case 'E':
        return this.#execute(message.portal, message.rows);
      case 'C':
        (message.of === 'P' ? this.#portals : this.prepared).delete(message.name);
        return this.#send(backend.closed());
      case 'S':
        this.#skipping = false;
        return this.#ready();
      case 'H':
        return this.#flush();
      default:
        // What is left of a COPY that failed is not even answered.
        return undefined;
    }
  }

  #greet(): void {
    this.#send(
      backend.authenticated(),
      backend.parameter('server_version', `${this.#watch.version}.0`),
      backend.key(1),
    );
    this.#ready();
  }

  #simpleQuery(text: string): void {
    this.#simple = true;
    const statements = text.split(';').filter((statement) => statement.trim() !== '');
    if (statements.length === 0) this.#send(backend.emptyQuery());
    for (const statement of statements) {
      const answer = runStatement(this, statement);
      if (answer.rows) this.#send(backend.rowDescription('value'), ...answer.rows.map((row) => backend.row(row)));
      if (this.#beginCopy(answer, 'simple')) return;
      this.#send(backend.complete(answer.tag));
      this.#close(answer);
    }
    this.#ready();
  }

  #parse(name: string, text: string): void {
    const sql = text.trim();
    if (sql !== '') this.#requireRunnable(sql);
    if (/;\s*\S/.test(sql)) throw new ServerError('42601', 'cannot insert multiple commands into a prepared statement');
    if (name !== '' && this.prepared.has(name))
      throw new ServerError('42P05', `prepared statement "${name}" already exists`);
    this.transaction.enter();
    if (/^(?:select|insert|update|delete|with|declare|call)\b/i.test(sql)) this.transaction.query();
    this.prepared.set(name, text);
    this.#send(backend.parsed());
  }

  #bind(portal: string, name: string, values: readonly (string | null)[]): void {
    const text = this.prepared.get(name);
    if (text === undefined) throw new ServerError('26000', `prepared statement "${name}" does not exist`);
    this.#requireRunnable(text);
    if (portal !== '' && this.#portals.has(portal)) throw new ServerError('42P03', `portal "${portal}" already exists`);
    this.transaction.enter();
    this.#portals.set(portal, { text, values });
    this.#send(backend.bound());
  }

  #describe(of: string, name: string): void {
    const text = of === 'P' ? this.#portals.get(name)?.text : this.prepared.get(name);
    if (text === undefined) throw new ServerError(of === 'P' ? '34000' : '26000', `"${name}" does not exist`);
    if (of === 'S') this.#send(backend.parameters());
    this.#send(this.#hasRows(text) ? backend.rowDescription('value') : backend.noData());
  }

  #hasRows(text: string): boolean {
    const cursor = /^\s*fetch \d+ from (\w+)/i.exec(text)?.[1];
    return cursor === undefined ? /^\s*select\b/i.test(text) : this.cursors.has(cursor);
  }

  #execute(name: string, rows: number): void {
    const portal = this.#portals.get(name);
    if (!portal) throw new ServerError('34000', `portal "${name}" does not exist`);
    if (portal.text.replace(/--.*$/, '').trim() === '') return this.#send(backend.emptyQuery());
    portal.answer ??= runStatement(this, portal.text, portal.values);
    const { answer } = portal;
    if (this.#beginCopy(answer, 'extended')) return undefined;
    portal.left ??= [...(answer.rows ?? [])];
    const page = portal.left.splice(0, rows === 0 ? portal.left.length : rows);
    this.#send(...page.map((row) => backend.row(row)));
    if (rows > 0 && page.length === rows) return this.#send(backend.suspended());
    this.#send(backend.complete(answer.tag));
    this.#close(answer);
    return undefined;
  }

  #beginCopy({ copy, tag }: Answer, by: 'simple' | 'extended'): boolean {
    if (copy === 'out') {
      this.#send(backend.copyOut(), backend.copyData('1\n'), backend.copyDone(), backend.complete(tag));
      if (by === 'simple') this.#ready();
      return true;
    }
    if (copy !== 'in') return false;
    this.#copying = by;
    this.#copied = 0;
    this.#send(backend.copyIn());
    this.#flush();
    return true;
  }

  #takeCopy(message: FrontendMessage): void {
    const by = this.#copying;
    switch (message.kind) {
      case 'd':
        this.#copied++;
        return undefined;
      case 'S':
      case 'H':
        return undefined;
      case 'c':
        this.#copying = undefined;
        this.#send(backend.complete(`COPY ${this.#copied}`));
        return by === 'simple' ? this.#ready() : undefined;
      case 'f':
        this.#copying = undefined;
        this.#simple = by === 'simple';
        throw new ServerError('57014', 'COPY from stdin failed');
      default: {
        // PostgreSQL can no longer tell where a message begins.
        const lost = new ServerError('08P01', 'terminating connection because protocol synchronization was lost');
        this.#send(backend.error('ERROR', lost), backend.error('FATAL', lost));
        this.#flush();
        return this.end();
      }
    }
  }

  /** A statement that ends its transaction closes what ran in it. */
  #close({ transactional, tag }: Answer): void {
    if (transactional && tag !== 'BEGIN') this.#closeAll();
  }

  #closeAll(): void {
    this.#portals.clear();
    this.cursors.clear();
  }

  #requireRunnable(text: string): void {
    if (this.transaction.status === 'E' && !/^\s*(?:commit|end|rollback|abort)\b/i.test(text))
      throw new ServerError('25P02', 'current transaction is aborted, commands ignored until end of transaction block');
  }

  #fail(error: ServerError): void {
    this.transaction.fail();
    if (error.late && this.#simple) this.#send(backend.rowDescription('value'));
    this.#send(backend.error('ERROR', error));
    if (this.#simple) this.#ready();
    else {
      this.#skipping = true;
      this.#flush();
    }
  }

  #ready(): void {
    if (this.transaction.open && !this.transaction.explicit) this.transaction.end('commit');
    if (!this.transaction.open) this.#closeAll();
    this.#simple = false;
    this.#send(backend.ready(this.transaction.status));
    this.#flush();
  }

  #send(...messages: BackendMessage[]): void {
    this.#buffered.push(...messages);
  }

  #flush(): void {
    this.flushed.push(...this.#buffered.splice(0));
  }
}
