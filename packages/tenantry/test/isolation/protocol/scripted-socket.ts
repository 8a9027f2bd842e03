import { Duplex } from 'node:stream';
import type { BackendMessage } from './backend-message.js';
import { type FrontendMessage, FrontendParser } from './frontend-message.js';
import { ScriptedSession, type SessionWatch } from './scripted-session.js';

/** What `pg` takes for a socket, with the session at its other end in the same process. */
export class ScriptedSocket extends Duplex {
  readonly session: ScriptedSession;
  /** What has arrived at the server, which has not come to it. */
  readonly arrived: FrontendMessage[] = [];
  readonly #parser = new FrontendParser();
  readonly #wake: () => void;
  /** Whether the next message is the first since the server was last ready. */
  first = true;
  /** Whether this end is closed. */
  cut = false;

  constructor(watch: SessionWatch, wake: () => void) {
    super({ allowHalfOpen: false, readableHighWaterMark: 1 << 20, writableHighWaterMark: 1 << 20 });
    this.session = new ScriptedSession(watch);
    this.#wake = wake;
  }

  /** Whether the server has something to do or to say. */
  get busy(): boolean {
    return !this.cut && (this.arrived.length > 0 || this.session.flushed.length > 0 || this.session.ended);
  }

  connect(): this {
    setImmediate(() => this.emit('connect'));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Sends bytes to the client. */
  deliver(bytes: BackendMessage): void {
    if (!this.cut) this.push(bytes);
  }

  /** The server's end goes: after its last word, or in the middle of one. */
  hangUp(how: 'orderly' | 'reset'): void {
    if (this.cut) return;
    this.cut = true;
    if (!this.session.ended) this.session.end();
    if (how === 'orderly') this.push(null);
    else this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    if (!this.cut) this.arrived.push(...this.#parser.take(bytes));
    this.#wake();
    done();
  }

  override _read(): void {
    // Whatever there is to read is pushed.
  }

  override _final(done: () => void): void {
    this.hangUp('orderly');
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.cut = true;
    if (!this.session.ended) this.session.end();
    done(error);
  }
}
