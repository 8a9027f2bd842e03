import pg from 'pg';
import { runInScope } from '../../../src/context/current-scope.js';
import type { TenantScope } from '../../../src/context/scope.js';
import type { ScriptedServer } from './scripted-server.js';
import { marked } from './statement-model.js';
import { settled } from './settled.js';

/** The scope of tenant `a` or `b`. */
export function scopeOf(tenant: string): TenantScope {
  const schema = `${tenant}_shop`;
  return {
    kind: 'tenant',
    tenant: { id: tenant, name: tenant, status: 'active' },
    placement: { service: 'shop', database: 'model', schema, role: schema },
  } as unknown as TenantScope;
}

/** A tenant's code with a connection in its hand. It notes what it was answered, and what must not have been. */
export class Hand {
  readonly tenant: string;
  readonly client: pg.PoolClient;
  readonly #server: ScriptedServer;
  /** What was sent and is not answered yet, by label. */
  readonly pending = new Set<string>();
  /** Why statements failed, in order. */
  readonly failures: Error[] = [];
  /** Something keeps the connection until the tenant closes it, so what comes after waits. */
  holding = false;
  /** When the connection is gone. */
  readonly gone: Promise<never>;
  #began = false;
  #written: string[] = [];

  constructor(server: ScriptedServer, tenant: string, client: pg.PoolClient) {
    this.#server = server;
    this.tenant = tenant;
    this.client = client;
    this.gone = new Promise((_, reject) => {
      client.once('end', () => reject(new Error('The connection is gone.')));
    });
    this.gone.catch(() => undefined);
  }

  /** A text as this tenant's code sends it, and its name. */
  mark(text: string): { readonly id: string; readonly text: string } {
    const id = this.#server.name(this.tenant);
    return { id, text: marked(this.tenant, id, text.replace('%', id)) };
  }

  /** Keeps an eye on an answer that is still to come. */
  track<T>(label: string, answer: Promise<T>): Promise<T | undefined> {
    const name = `${label} of ${this.#server.name(this.tenant)}`;
    this.pending.add(name);
    return answer.then(
      (value) => {
        this.pending.delete(name);
        return value;
      },
      (error: Error) => {
        this.pending.delete(name);
        this.failures.push(error);
        return undefined;
      },
    );
  }

  /** Waits for a step: it settles, or the server has nothing more to say and never will. */
  async wait(label: string, answer: Promise<unknown>): Promise<void> {
    if ((await settled(this.#server, answer)) || this.holding) return;
    this.violation(`${label} of ${this.tenant} never settles`);
  }

  /** Gives the connection back, which never fails. */
  release(): void {
    try {
      this.client.release();
    } catch (error) {
      this.violation(`release() of ${this.tenant} threw ${(error as Error).message}`);
    }
  }

  violation(what: string): void {
    this.#server.violations.push(what);
  }

  /** Runs code in this tenant's scope, or in another's. */
  inScope<T>(fn: () => T, tenant = this.tenant): T {
    return runInScope(scopeOf(tenant), fn);
  }

  /** A select whose answer must be its own. */
  async select(send: (text: string) => Promise<pg.QueryResult>, rows = 1): Promise<void> {
    const { id, text } = this.mark(rows === 1 ? "select '%' as value" : `select '%' as value from rows(${rows})`);
    const answer = await this.track(
      'select',
      this.inScope(() => send(text)),
    );
    const values = answer?.rows.map(({ value }: { value: string }) => value);
    if (values && (values.length !== rows || values.some((value) => value !== id)))
      this.violation(`${id} of ${this.tenant} was answered ${JSON.stringify(values)}`);
  }

  /** A statement as text. Those that begin and end transactions go as they are, the others with whose they are. */
  statement(text: string): Promise<pg.QueryResult | undefined> {
    const bare = /^(?:begin|commit|rollback)$/i.test(text) || /\bisolation\b/.test(text);
    const sent = bare ? text : this.mark(text).text;
    if (/^begin\b/i.test(text)) this.#began = true;
    return this.track(
      text,
      this.inScope(() => this.client.query(sent)),
    ).then((result) => {
      if (result && /^(?:commit|rollback)/i.test(text)) this.#ended(result.command, text);
      return result;
    });
  }

  /** A write: once it is answered and its transaction has been committed it must be there. */
  async write(): Promise<void> {
    const { id, text } = this.mark('insert into widget');
    const answer = await this.track(
      'insert',
      this.inScope(() => this.client.query(text)),
    );
    if (!answer) return;
    this.#written.push(id);
    if (!this.#began) this.#ended('COMMIT', '');
  }

  /** Hands over something that submits itself. It may fail, but not by a throw. */
  submit<T extends pg.Submittable>(submittable: T): T {
    try {
      this.inScope(() => this.client.query(submittable));
    } catch (error) {
      this.violation(`query(${submittable.constructor.name}) of ${this.tenant} threw ${(error as Error).message}`);
      throw error;
    }
    return submittable;
  }

  #ended(command: string, text: string): void {
    const written = this.#written;
    if (/rollback to/i.test(text) || command !== 'COMMIT') {
      this.#written = [];
      if (/rollback to/i.test(text)) return;
    } else {
      const lost = written.filter((id) => !this.#server.committed.has(id));
      if (lost.length > 0) this.violation(`${lost.join(', ')} of ${this.tenant} were answered, committed and lost`);
      this.#written = [];
    }
    this.#began = /chain/i.test(text);
  }
}
