import { TenancyError } from '../errors/tenancy-error.js';
import type { TransactionStatus, WireConnection } from './pg-internals.js';

/** First bytes of the messages that a client sends. Source: PostgreSQL manual, "Message Formats". */
const type = {
  parse: 0x50,
  query: 0x51,
  sync: 0x53,
  bind: 0x42,
  execute: 0x45,
  describe: 0x44,
  close: 0x43,
  flush: 0x48,
  terminate: 0x58,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
} as const;

/** Until a Sync follows, PostgreSQL answers nothing after an error, and keeps the implicit transaction open. */
const opening = new Set<number>([type.parse, type.bind, type.execute, type.describe]);
const copying = new Set<number>([type.copyData, type.copyDone, type.copyFail]);
const closing = new Set<number>([type.sync, type.close, type.flush, type.terminate]);

const noBytes = Buffer.alloc(0);

interface Awaiting {
  /** Messages to which PostgreSQL will say ReadyForQuery. */
  readies: number;
  /** Something was sent after the last of them. */
  open: boolean;
}

/**
 * All that leaves through a connection's socket, whoever sends it. It knows when PostgreSQL has answered all of it, and lets
 * no statement pass that the gate has not admitted: an object that brings its own messages is held to the text it showed.
 */
export class Wire {
  readonly #connection: WireConnection;
  /** Hands messages to the socket; until the connection stands nothing is read or kept back. */
  #write: ((messages: Uint8Array) => boolean) | undefined;
  #gathered: Uint8Array[] | undefined;
  /** Bytes of the message under way that are still to come: COPY sends one in pieces. */
  #rest = 0;
  #head = noBytes;
  #awaiting: Awaiting = { readies: 0, open: false };
  /** The text of the statement whose turn it is. */
  #turn: string | undefined;
  #ours = false;
  /** How much of its statement the object whose turn it is has sent. */
  #said: 'nothing' | 'its text' | 'all' = 'nothing';
  #simple = false;
  #answered = false;
  /** Executes that PostgreSQL has not answered. */
  #executing = 0;
  /** PostgreSQL waits for the data of a COPY. */
  #feeding = false;
  #sent = 0;
  #status: TransactionStatus | null = null;
  #terminated = false;
  #broken: TenancyError | undefined;

  constructor(connection: WireConnection) {
    this.#connection = connection;
    // Before the client's own listeners, which call back and start the next statement.
    connection.on('readyForQuery', ({ status }) => this.#ready(status));
    for (const event of [
      'parseComplete',
      'bindComplete',
      'closeComplete',
      'commandComplete',
      'rowDescription',
    ] as const)
      connection.on(event, () => (this.#answered = true));
    for (const event of ['portalSuspended', 'commandComplete', 'emptyQuery'] as const)
      connection.on(event, () => this.#executing--);
    connection.on('copyInResponse', () => (this.#feeding = true));
  }

  /** How the transaction stood when PostgreSQL last said so; `null` before it did. */
  get status(): TransactionStatus | null {
    return this.#status;
  }

  /** Whether PostgreSQL has answered everything that was sent. */
  get quiet(): boolean {
    return this.#awaiting.readies === 0 && !this.#awaiting.open;
  }

  /** Whether PostgreSQL has answered anything that was sent in this turn. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Whether PostgreSQL waits for a Sync: after an error it says nothing more until it comes. */
  get needsSync(): boolean {
    return this.#awaiting.open && this.#awaiting.readies === 0;
  }

  /**
   * Whether PostgreSQL waits in the middle of a statement: for the next Execute of a cursor, for data of a COPY, or for somebody to
   * read what it said. None of its own limits counts meanwhile.
   */
  get stalled(): boolean {
    if (this.quiet) return false;
    const unasked = this.#awaiting.readies === 0 && this.#executing <= 0;
    return unasked || this.#feeding || this.#connection.stream.readableLength > 0;
  }

  /** Changes with whatever is sent or arrives. */
  get traffic(): number {
    return this.#sent + this.#connection.stream.bytesRead;
  }

  /**
   * Begins a statement's turn, until PostgreSQL is ready for the next. What `send` sends goes out in one write: a statement with
   * its scope is seven messages, and Node pays for each that it hands to the system, ten microseconds of a small request.
   *
   * @param text - The one statement that may be sent.
   * @param simple - It may be sent as a simple query, because PostgreSQL was asked whether it is one statement.
   * @returns What `send` answers; where that is an error, nothing was sent.
   */
  turn(text: string, send: () => Error | null | undefined | void, simple = false): Error | undefined {
    if (!this.quiet) return this.#break('An answer to something else is still to come on this connection');
    this.#turn = text;
    this.#said = 'nothing';
    this.#simple = simple;
    this.#answered = false;
    const gathered: Uint8Array[] = [];
    this.#gathered = gathered;
    try {
      const failed = send() ?? this.#broken;
      if (failed) return this.#takeBack(failed);
    } catch (error) {
      return this.#takeBack(error as Error);
    } finally {
      this.#gathered = undefined;
    }
    if (gathered.length > 0) this.#write?.(Buffer.concat(gathered));
    return undefined;
  }

  /** Sends statements of the gate's own, which need no admission. */
  ours<T>(send: () => T): T {
    this.#ours = true;
    try {
      return send();
    } finally {
      this.#ours = false;
    }
  }

  #takeBack(error: Error): Error {
    this.#awaiting = { readies: 0, open: false };
    this.#turn = undefined;
    return error;
  }

  #ready(status: TransactionStatus): void {
    this.#status = status;
    this.#executing = 0;
    this.#feeding = false;
    if (!this.#write) return this.#install();
    if (this.#awaiting.readies === 0 && !this.#terminated)
      return void this.#break('PostgreSQL answered what nobody had asked');
    if (this.#awaiting.readies > 0) this.#awaiting.readies--;
    if (this.quiet) this.#turn = undefined;
  }

  /** Once the connection stands: its socket is another one after TLS. */
  #install(): void {
    const { stream } = this.#connection;
    const write = stream.write.bind(stream) as (messages: Uint8Array, ...rest: unknown[]) => boolean;
    this.#write = write;
    stream.write = (messages: Uint8Array | string, ...rest: unknown[]): boolean => {
      if (typeof messages === 'string' || !this.#admits(messages)) return false;
      if (!this.#gathered) return write(messages, ...rest);
      return this.#gathered.push(messages) > 0;
    };
  }

  /** Reads type and length of each message, and the content only of those that carry a text. */
  #admits(messages: Uint8Array): boolean {
    const view = Buffer.isBuffer(messages)
      ? messages
      : Buffer.from(messages.buffer, messages.byteOffset, messages.byteLength);
    for (let at = 0; at < view.length;) {
      if (this.#rest > 0) {
        const passed = Math.min(this.#rest, view.length - at);
        this.#rest -= passed;
        at += passed;
        continue;
      }
      let kind = view[at] ?? 0;
      if (this.#head.length === 0 && view.length - at >= 5) {
        this.#rest = view.readUInt32BE(at + 1) - 4;
        at += 5;
      } else {
        // The five bytes of type and length may come in pieces too.
        const missing = 5 - this.#head.length;
        this.#head = Buffer.concat([this.#head, view.subarray(at, at + missing)]);
        at += missing;
        if (this.#head.length < 5) break;
        this.#rest = this.#head.readUInt32BE(1) - 4;
        kind = this.#head[0] ?? 0;
        this.#head = noBytes;
      }
      const refused = this.#refusal(kind, view, at);
      if (refused !== undefined) return this.#refuse(refused);
    }
    return true;
  }

  #refusal(kind: number, view: Buffer, at: number): string | undefined {
    const free = this.#ours || closing.has(kind);
    if (kind === type.terminate) this.#terminated = true;
    if (!free && this.#turn === undefined) return 'A message out of turn';
    if (!copying.has(kind) && !closing.has(kind) && !opening.has(kind) && kind !== type.query)
      return 'A message that Tenantry does not know';
    this.#sent++;
    if (kind === type.execute) this.#executing++;
    if (kind === type.copyDone || kind === type.copyFail) this.#feeding = false;
    if (opening.has(kind)) this.#awaiting.open = true;
    if (kind === type.query || kind === type.sync) {
      this.#awaiting.readies++;
      this.#awaiting.open = false;
    }
    return this.#ours ? undefined : this.#untrue(kind, view, at);
  }

  /** What an object sends that is not the one statement it had shown, in one transaction. */
  #untrue(kind: number, view: Buffer, at: number): string | undefined {
    if (closing.has(kind) || copying.has(kind)) {
      if (kind === type.sync) this.#said = 'all';
      return undefined;
    }
    // After its Sync the transaction is over, and the scope with it.
    if (this.#said === 'all') return 'A message after the end of its statement';
    if (kind === type.execute || kind === type.describe) return undefined;
    const first = textAt(view, at);
    const second = kind === type.query ? '' : textAt(view, view.indexOf(0, at) + 1);
    if (kind === type.bind) return second === '' ? undefined : 'A statement that was prepared before';
    if (kind === type.parse && first !== '') return 'A prepared statement';
    if (kind === type.query && !this.#simple) return 'A simple query, which may be several statements';
    if (this.#said !== 'nothing') return 'A second statement';
    this.#said = kind === type.query ? 'all' : 'its text';
    const text = kind === type.query ? first : second;
    // Text that is not valid Unicode is changed by the encoding, so the encoded form counts as equal too.
    const shown = text === this.#turn || text === Buffer.from(this.#turn ?? '').toString();
    return shown ? undefined : 'A statement that was not the one it had shown';
  }

  #refuse(what: string): false {
    this.#break(what);
    return false;
  }

  /** Closes the connection: nobody can know any more which answer belongs to whom. */
  #break(what: string): TenancyError {
    const remedy = 'The connection was closed. Send one statement at a time, with its whole text.';
    this.#broken ??= new TenancyError('TENANCY_STATEMENT_REFUSED', { what, remedy });
    this.#connection.stream.destroy(this.#broken);
    return this.#broken;
  }
}

/** Texts end with a NUL on the wire. */
function textAt(view: Buffer, at: number): string {
  const end = view.indexOf(0, at);
  return view.toString('utf8', at, end === -1 ? view.length : end);
}
