import { backend, kindOf, ServerError } from './backend-message.js';
import type { Delivery, Disturbance, Places } from './disturbance.js';
import type { FrontendMessage } from './frontend-message.js';
import type { ScriptedSession } from './scripted-session.js';
import { ScriptedSocket } from './scripted-socket.js';
import type { Marker } from './statement-model.js';
import { VirtualClock } from './virtual-clock.js';

/** How a run goes: without a disturbance, everything goes well. */
export interface Script {
  readonly disturbance?: Disturbance | undefined;
  readonly delivery?: Delivery | undefined;
  /** Major version of PostgreSQL. @default 18 */
  readonly version?: number | undefined;
  /** Whether all that passed is written down. */
  readonly traced?: boolean | undefined;
}

/** About as many messages as a statement and its scope are. */
export const oneFlight = 10;

/** A server for one run. It does one thing in each turn of the event loop, and watches what its sessions run. */
export class ScriptedServer {
  readonly places: Places = { in: [], out: 0, handOvers: [] };
  readonly committed = new Set<string>();
  /** What must not happen and did. */
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly sockets: ScriptedSocket[] = [];
  /** Which tenant has a session at the moment. */
  readonly holders = new WeakMap<ScriptedSession, string>();
  /** Whether the disturbance has been, with all that it does. */
  disturbed = false;
  /** Whether a session has lost what was prepared: the next statement there may fail, but none after it. */
  lost = false;
  readonly clock = new VirtualClock();
  /** Whether time may pass: somebody has left something open, which is limited by time and by nothing else. */
  mayWait = false;
  readonly #script: Script;
  #revoked = false;
  #names = 0;
  #scheduled = false;

  constructor(script: Script = {}) {
    this.#script = script;
  }

  /** Whether nothing disturbs this run. */
  get calm(): boolean {
    return this.#script.disturbance === undefined;
  }

  /** Whether no tenant's role can be entered any more. */
  get revoked(): boolean {
    return this.#revoked;
  }

  /** Whether nothing is under way. */
  get quiet(): boolean {
    return !this.#scheduled;
  }

  /** A name that no other statement of the run has. */
  name(tenant: string): string {
    return `${tenant}${++this.#names}`;
  }

  /** A new connection, as the `stream` of a `pg.Client`. */
  accept(): ScriptedSocket {
    const watch = {
      version: this.#script.version ?? 18,
      committed: this.committed,
      mayEnter: () => !this.#revoked,
      lost: () => (this.lost = true),
      ran: (marker: Marker, session: ScriptedSession) => this.#ran(marker, session),
    };
    const socket = new ScriptedSocket(watch, () => this.#wake());
    this.sockets.push(socket);
    return socket;
  }

  /** A borrower gets a connection: it must be as new. */
  handOver(socket: ScriptedSocket, to: string): void {
    const { session } = socket;
    this.places.handOvers.push({ in: this.places.in.length, out: this.places.out });
    const wrong = session.transaction.leftovers();
    if (socket.arrived.length > 0 || session.flushed.length > 0) wrong.push('a statement under way');
    if (session.transaction.explicit) wrong.push('an open transaction');
    for (const name of session.prepared.keys())
      if (name !== '' && !name.startsWith('tenantry')) wrong.push(`the prepared statement ${name}`);
    if (wrong.length > 0) this.violations.push(`${to} got a connection with ${wrong.join(', ')}`);
    this.holders.set(session, to);
    this.#note(`-- ${to} has connection ${this.sockets.indexOf(socket)}`);
  }

  #ran({ tenant, id, stray }: Marker, session: ScriptedSession): void {
    const { transaction } = session;
    const role = `${tenant}_shop`;
    const { violations } = this;
    if (transaction.role !== role) violations.push(`${id} of ${tenant} ran as ${transaction.role}`);
    if (!transaction.path.startsWith(`"${role}"`))
      violations.push(`${id} of ${tenant} ran with path ${transaction.path}`);
    const owner = transaction.ownerOr(tenant);
    if (owner !== tenant) violations.push(`${id} of ${tenant} ran in a transaction of ${owner}`);
    // A connection that nobody was given is the pool's own business, or has come in the place of a lost one.
    const holder = this.holders.get(session) ?? tenant;
    this.holders.set(session, holder);
    if (!stray && holder !== tenant) violations.push(`${id} of ${tenant} ran while ${holder} has the connection`);
  }

  #wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    for (const socket of this.sockets) this.#serve(socket);
    if (this.sockets.some((socket) => socket.busy)) this.#wake();
  }

  #serve(socket: ScriptedSocket): void {
    const { session, arrived } = socket;
    while (arrived.length > 0 && !socket.cut) this.#take(socket, arrived.shift() as FrontendMessage);
    if (socket.cut) return;
    if (this.#merges) {
      const bytes: Buffer[] = [];
      while (session.flushed.length > 0 && !socket.cut) this.#say(socket, (part) => bytes.push(part));
      if (bytes.length > 0) socket.deliver(Buffer.concat(bytes));
    } else if (session.flushed.length > 0) this.#say(socket, (part) => this.#deliver(socket, part));
    if (session.ended && session.flushed.length === 0) socket.hangUp('orderly');
  }

  /** From the second borrower's second flight on a run only repeats itself, so it need not be slow. */
  get #merges(): boolean {
    const second = this.places.handOvers[1];
    return this.#script.delivery === 'merged' || (second !== undefined && this.places.out > second.out + oneFlight);
  }

  #take(socket: ScriptedSocket, message: FrontendMessage): void {
    const { session } = socket;
    const { disturbance } = this.#script;
    const at = this.places.in.push({ canFail: session.canFail(message), first: socket.first }) - 1;
    socket.first = message.kind === 'S' || message.kind === 'Q';
    this.#note(() => `${this.sockets.indexOf(socket)} > in ${at} ${describe(message)}`);
    if (disturbance?.at === at) {
      if (disturbance.kind === 'drop') {
        session.flushed.length = 0;
        this.#note('-- cut');
        this.disturbed = true;
        return socket.hangUp('reset');
      }
      if (disturbance.kind === 'fail') session.failNext = new ServerError('XX000', 'made to fail');
      if (disturbance.kind === 'revoke') this.#revoked = true;
      if (disturbance.kind === 'lose') session.losePrepared();
      this.disturbed ||= disturbance.kind === 'fail' || disturbance.kind === 'revoke' || disturbance.kind === 'lose';
    }
    session.handle(message);
  }

  #say(socket: ScriptedSocket, deliver: (bytes: Buffer) => void): void {
    const sent = socket.session.flushed.shift();
    if (!sent) return;
    const { disturbance } = this.#script;
    const here = disturbance?.at === this.places.out;
    if (here && disturbance.kind === 'asides') this.disturbed = true;
    if (here && disturbance.kind === 'asides')
      deliver(
        Buffer.concat([backend.notice('00000', 'by the way'), backend.parameter('a', 'b'), backend.notification('c')]),
      );
    this.#note(() => `${this.sockets.indexOf(socket)} < out ${this.places.out} ${tell(sent)}`);
    this.places.out++;
    deliver(sent);
    if (here && disturbance.kind === 'cut') this.#hangUp(socket, 'reset');
    if (here && disturbance.kind === 'fatal') {
      deliver(backend.error('FATAL', new ServerError('57P01', 'terminating connection due to administrator command')));
      this.#hangUp(socket, 'orderly');
    }
  }

  /** After what was said in this turn has gone out. */
  #hangUp(socket: ScriptedSocket, how: 'orderly' | 'reset'): void {
    socket.session.flushed.length = 0;
    socket.arrived.length = 0;
    socket.session.end();
    this.#note(`-- ${how === 'reset' ? 'cut' : 'FATAL'}`);
    setImmediate(() => {
      socket.hangUp(how);
      this.disturbed = true;
      this.#wake();
    });
  }

  #deliver(socket: ScriptedSocket, bytes: Buffer): void {
    if (this.#script.delivery !== 'byte') return socket.deliver(bytes);
    for (const byte of bytes) socket.deliver(Buffer.from([byte]));
  }

  #note(what: string | (() => string)): void {
    if (this.#script.traced) this.trace.push(typeof what === 'string' ? what : what());
  }
}

function describe(message: FrontendMessage): string {
  return Object.values(message).join(' ');
}

function tell(sent: Buffer): string {
  const readable = sent
    .toString('latin1', 5)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
  return `${kindOf(sent)} ${readable}`;
}
