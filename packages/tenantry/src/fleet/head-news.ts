import type pg from 'pg';
import type { FleetTenant } from './fleet-tenant.js';

/** Milliseconds after which other processes know of a tenant's new head. */
const tellEveryMs = 250;

/** A payload has less than 8,000 bytes, an id at most 40. */
const idsPerMessage = 150;

/**
 * Tells all processes which tenants have another head, many in one message. PostgreSQL commits transactions with a NOTIFY
 * one after the other, so the batches have none. What could not be told is known after the caches' time to live.
 */
export class HeadNews {
  readonly #owner: Pick<pg.Pool, 'query'>;
  #untold: string[] = [];
  #telling: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(owner: Pick<pg.Pool, 'query'>) {
    this.#owner = owner;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tell(), tellEveryMs);
  }

  moved(tenants: readonly FleetTenant[]): void {
    this.#untold.push(...tenants.map(({ tenant }) => tenant));
  }

  /** Tells what is left. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#tell();
    await this.#telling;
  }

  #tell(): void {
    if (this.#untold.length === 0) return;
    const messages: string[] = [];
    for (let at = 0; at < this.#untold.length; at += idsPerMessage)
      messages.push(`schema:${this.#untold.slice(at, at + idsPerMessage).join(',')}`);
    this.#untold = [];
    this.#telling = this.#telling
      .then(() => this.#owner.query("select pg_notify('tenantry', m) from unnest($1::text[]) m", [messages]))
      .then(
        () => undefined,
        () => undefined,
      );
  }
}
