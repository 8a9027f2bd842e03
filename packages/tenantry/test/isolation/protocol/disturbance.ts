/**
 * What goes wrong, or happens besides, once in a run. Places are counted: messages of the client as the server comes to
 * them (`in`), messages of the server as they leave (`out`).
 *
 * - `drop`: the connection is cut before the server comes to a message. `fail`: the message fails.
 * - `revoke`: from here on no tenant's role can be entered. `lose`: what was prepared by name is gone.
 * - `cut`: the connection is cut after the server's message. `fatal`: the server says why, and ends.
 * - `asides`: a notice, a parameter and a notification come before the server's message.
 */
export interface Disturbance {
  readonly kind: 'drop' | 'fail' | 'revoke' | 'lose' | 'cut' | 'fatal' | 'asides';
  readonly at: number;
}

/** How bytes travel: a message in a turn of the event loop, all that is there at once, or a byte at a time. */
export type Delivery = 'message' | 'merged' | 'byte';

/** A place between two messages of each side: how many of each there were. */
export interface Place {
  readonly in: number;
  readonly out: number;
}

/** The places of a run at which something can be put. */
export interface Places {
  /** For each message of the client: whether it could fail, and whether it begins a flight. */
  readonly in: { readonly canFail: boolean; readonly first: boolean }[];
  /** How many messages of the server left. */
  out: number;
  /** Where the connection changed hands. */
  readonly handOvers: Place[];
}

/** One disturbance for each kind and place that can matter, from one place to another. */
export function everyDisturbance(places: Places, from: Place, to: Place): Disturbance[] {
  const found: Disturbance[] = [];
  for (let at = from.in; at < Math.min(to.in, places.in.length); at++) {
    found.push({ kind: 'drop', at });
    if (places.in[at]?.canFail) found.push({ kind: 'fail', at });
    if (places.in[at]?.first) found.push({ kind: 'revoke', at }, { kind: 'lose', at });
  }
  for (let at = from.out; at < Math.min(to.out, places.out); at++)
    found.push({ kind: 'cut', at }, { kind: 'fatal', at }, { kind: 'asides', at });
  return found;
}
