import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { keepAlive } from './keep-alive.js';

/** What a {@link Listener} tells. */
export interface ListenerEvents {
  onMessage(payload: string): void;
  /** The connection stands (again): what was sent meanwhile was missed. */
  onConnected(): void;
  /** The connection broke; the listener is trying to get it back. */
  onLost(reason: string): void;
}

/** Wait before the second, third… attempt to connect, in milliseconds; the last one repeats. */
const retryDelaysMs = [100, 250, 500, 1000, 2000, 5000];

/** One connection of its own that listens on one channel and comes back after it broke. */
export class Listener {
  readonly #config: pg.ClientConfig;
  readonly #channel: string;
  readonly #events: ListenerEvents;
  readonly #stopping = new AbortController();
  #client: pg.Client | undefined;
  #connected = false;
  #loop: Promise<void> | undefined;

  constructor(config: pg.ClientConfig, channel: string, events: ListenerEvents) {
    this.#config = { ...config, ...keepAlive };
    this.#channel = channel;
    this.#events = events;
  }

  /** Whether notifications arrive at the moment. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Connects once, so that a wrong setting shows at start, and goes on listening in the background. */
  async start(): Promise<void> {
    const { ended } = await this.#listen();
    this.#loop = this.#keepListening(ended);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#client) await endSoon(this.#client);
    await this.#loop;
  }

  async #keepListening(first: Promise<string>): Promise<void> {
    const { signal } = this.#stopping;
    let ended: Promise<string> | undefined = first;
    for (let attempt = 0; !signal.aborted; attempt++) {
      if (ended) {
        const reason = await ended;
        this.#connected = false;
        if (signal.aborted) return;
        this.#events.onLost(reason);
        attempt = 0;
      }
      await sleep(retryDelaysMs[Math.min(attempt, retryDelaysMs.length - 1)], undefined, { signal }).catch(
        () => undefined,
      );
      ended = signal.aborted ? undefined : (await this.#listen().catch(() => undefined))?.ended;
    }
  }

  /** Connects and listens; `ended` resolves to the reason why the connection ended. */
  async #listen(): Promise<{ ended: Promise<string> }> {
    const client = new pg.Client({ ...this.#config, connectionTimeoutMillis: 5000 });
    this.#client = client;
    const ended = new Promise<string>((resolve) => {
      client.on('error', (error) => resolve(error.message));
      client.on('end', () => resolve('the connection ended'));
    });
    client.on('notification', ({ payload }) => this.#events.onMessage(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${pg.escapeIdentifier(this.#channel)}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#connected = true;
    this.#events.onConnected();
    return { ended };
  }
}

/** Ends a connection. A server that has gone silent never answers, so after a second the socket is closed all the same. */
async function endSoon(client: pg.Client): Promise<void> {
  const { connection } = client as unknown as { connection: { stream: Socket } };
  const timer = setTimeout(() => connection.stream.destroy(), 1000);
  await client.end().catch(() => undefined);
  clearTimeout(timer);
}
