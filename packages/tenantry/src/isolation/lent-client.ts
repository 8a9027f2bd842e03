import pg from 'pg';
import type { ScopedClient } from './scoped-client.js';

const listening = new Set<PropertyKey>(['on', 'once', 'addListener', 'prependListener', 'prependOnceListener']);

/** What a lent client is asked for. */
export interface Loan {
  /** The connection as it is now. */
  readonly client: ScopedClient;
  /** Whether its holder gave it back. */
  readonly released: boolean;
}

/** What a holder sees of the client: its own `query` and `release`, and everything else of the client's, as long as it is lent. */
export class LentClient {
  readonly #lease: Loan;
  #query: unknown;
  #release: unknown;
  /** What was set on the client for this loan, to be taken off after it. */
  #listeners: [name: string, listener: () => void][] | undefined;
  /** How its properties were before they were set. */
  #before: Map<PropertyKey, PropertyDescriptor | undefined> | undefined;

  constructor(lease: Loan, query: unknown, release: unknown) {
    this.#lease = lease;
    this.#query = query;
    this.#release = release;
  }

  get(_: unknown, name: PropertyKey, lent: unknown): unknown {
    if (name === 'query') return this.#query;
    if (name === 'release') return this.#release;
    const { client, released } = this.#lease;
    const value: unknown = Reflect.get(client, name, client);
    if (typeof value !== 'function' || name === 'constructor') return value;
    if (released) return name === 'end' ? () => Promise.resolve() : () => lent;
    if (listening.has(name))
      return (event: string, listener: () => void) => {
        (this.#listeners ??= []).push([event, listener]);
        value.call(client, event, listener);
        return lent;
      };
    if (name === 'setTypeParser' && !this.#before?.has('_types')) this.#set('_types', ownParsers(client));
    return value.bind(client);
  }

  set(_: unknown, name: PropertyKey, value: unknown): boolean {
    if (name === 'query') this.#query = value;
    else if (name === 'release') this.#release = value;
    else if (!this.#lease.released) this.#set(name, value);
    return true;
  }

  defineProperty(_: unknown, name: PropertyKey, descriptor: PropertyDescriptor): boolean {
    return 'value' in descriptor && this.set(_, name, descriptor.value);
  }

  deleteProperty(_: unknown, name: PropertyKey): boolean {
    if (this.#lease.released) return true;
    this.#remember(name);
    return Reflect.deleteProperty(this.#lease.client, name);
  }

  setPrototypeOf(): boolean {
    return false;
  }

  /** The loan is over. */
  takeOff(): void {
    const { client } = this.#lease;
    for (const [event, listener] of this.#listeners ?? []) client.off(event, listener);
    for (const [name, before] of this.#before ?? []) {
      if (before) Object.defineProperty(client, name, before);
      else Reflect.deleteProperty(client, name);
    }
  }

  #set(name: PropertyKey, value: unknown): void {
    this.#remember(name);
    Reflect.set(this.#lease.client, name, value);
  }

  #remember(name: PropertyKey): void {
    const before = (this.#before ??= new Map<PropertyKey, PropertyDescriptor | undefined>());
    if (!before.has(name)) before.set(name, Reflect.getOwnPropertyDescriptor(this.#lease.client, name));
  }
}

function ownParsers(client: ScopedClient): pg.TypeOverrides {
  return new pg.TypeOverrides((client as unknown as { _types: pg.CustomTypesConfig })._types);
}
