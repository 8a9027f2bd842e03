import { runInScope } from '../../context/current-scope.js';
import { catalogScope } from '../../context/scope.js';
import type { Querier } from '../../postgres/querier.js';
import { newestEvent, readEventsAfter, readEventsById } from './read-events.js';
import type { TenantEvent, TenantEventType } from './tenant-event.js';

/** What is called with an event. */
export type TenantEventListener = (event: TenantEvent) => unknown;

/** How a process follows events. */
export interface TenantEventsOptions {
  /** Milliseconds between two looks into the table, besides what notifications tell. */
  readonly pollMs: number;
  warn(message: string): void;
}

interface Subscriber {
  readonly type: TenantEventType | '*';
  readonly listener: TenantEventListener;
  waiting: number;
  queue: Promise<void>;
}

/**
 * An id is taken when a transaction writes, not when it commits. So an event may still appear this many ids behind the
 * newest.
 */
const lateMax = 1000n;
/** Most events read at once. */
const pageMax = 1000;
/** Most events that wait for one subscriber. */
const waitingMax = 10_000;

/**
 * Tells subscribers of this process what happens to tenants, once each: by notification, and from the table what a broken
 * connection missed. Nothing is told of the time before the first subscription.
 */
export class TenantEvents {
  readonly #catalog: Querier;
  readonly #options: TenantEventsOptions;
  readonly #subscribers = new Set<Subscriber>();
  readonly #delivered = new Set<string>();
  #newest: bigint | undefined;
  #first = 0n;
  #reading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param catalog - Runs in the catalog scope. */
  constructor(catalog: Querier, options: TenantEventsOptions) {
    this.#catalog = catalog;
    this.#options = options;
  }

  /**
   * Calls a function, in the catalog scope, for each event of a type; one event after the other, also where it returns a
   * promise. What it throws is logged, and harms nobody.
   *
   * @param type - `*` is every type.
   * @returns What ends the subscription. The promise is there to wait until it has begun.
   */
  on(type: TenantEventType | '*', listener: TenantEventListener): { readonly ready: Promise<void>; off(): void } {
    const subscriber: Subscriber = { type, listener, waiting: 0, queue: Promise.resolve() };
    // A later subscriber begins with what happens then, so the place to read from is forgotten.
    if (this.#subscribers.size === 0) this.#newest = undefined;
    this.#subscribers.add(subscriber);
    this.#read(() => this.#begin());
    this.#timer ??= setInterval(() => this.catchUp(), this.#options.pollMs).unref();
    return { ready: this.#reading, off: () => void this.#subscribers.delete(subscriber) };
  }

  /** Notifications named these events. Everybody may send one, also a tenant: what is no id is left out. */
  told(ids: readonly string[]): void {
    const told = ids.filter((id) => /^\d{1,18}$/.test(id));
    if (this.#subscribers.size === 0 || told.length === 0) return;
    this.#read(async () => this.#deliver(await readEventsById(this.#catalog, told)));
  }

  /** Looks for events that no notification told of. */
  catchUp(): void {
    if (this.#subscribers.size === 0) return;
    this.#read(() => this.#catchUp());
  }

  /** Ends all subscriptions, after what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#reading;
    const queues = [...this.#subscribers].map(({ queue }) => queue);
    this.#subscribers.clear();
    await Promise.race([Promise.all(queues), new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
  }

  /** Reads run one after the other: two at the same time would deliver the same event twice. */
  #read(read: () => Promise<void>): void {
    if (this.#stopped) return;
    this.#reading = this.#reading.then(read).catch((error: unknown) => {
      if (!this.#stopped) this.#options.warn(`Events could not be read and are looked for again: ${messageOf(error)}`);
    });
  }

  async #begin(): Promise<void> {
    this.#newest ??= this.#first = await newestEvent(this.#catalog);
  }

  async #catchUp(): Promise<void> {
    await this.#begin();
    const from = (this.#newest ?? 0n) - lateMax;
    let after = from > this.#first ? from : this.#first;
    for (;;) {
      const events = await readEventsAfter(this.#catalog, after, pageMax);
      this.#deliver(events);
      if (events.length < pageMax) return;
      after = BigInt(events.at(-1)?.id ?? after);
    }
  }

  #deliver(events: readonly TenantEvent[]): void {
    for (const event of events) {
      if (this.#delivered.has(event.id)) continue;
      this.#remember(event.id);
      for (const subscriber of this.#subscribers) {
        if (subscriber.type === '*' || subscriber.type === event.type) this.#queue(subscriber, event);
      }
    }
  }

  #remember(id: string): void {
    this.#delivered.add(id);
    const number = BigInt(id);
    if (this.#newest === undefined || number > this.#newest) this.#newest = number;
    // Delivered ids are kept for twice as far back as a read looks, and older ones are forgotten.
    if (this.#delivered.size <= 2 * (Number(lateMax) + pageMax)) return;
    for (const oldest of this.#delivered) {
      this.#delivered.delete(oldest);
      break;
    }
  }

  #queue(subscriber: Subscriber, event: TenantEvent): void {
    if (subscriber.waiting >= waitingMax) {
      this.#options.warn(`A subscriber to "${subscriber.type}" is too slow: event ${event.id} was not told to it.`);
      return;
    }
    subscriber.waiting++;
    subscriber.queue = subscriber.queue
      .then(() => runInScope(catalogScope, async () => subscriber.listener(event)))
      .catch((error: unknown) =>
        this.#options.warn(`A subscriber failed on event ${event.id} (${event.type}): ${messageOf(error)}`),
      )
      .then(() => void subscriber.waiting--);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
