import type pg from 'pg';
import { notify } from '../catalog/notification.js';
import type { FleetTenant } from './fleet-tenant.js';

/** Milliseconds after which other processes know of a tenant's new head. */
const tellEveryMs = 250;

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
    const tenants = this.#untold;
    this.#untold = [];
    this.#telling = this.#telling.then(() => notify(this.#owner, 'schema', tenants)).catch(() => undefined);
  }
}
