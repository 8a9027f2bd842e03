import type { WireConnection } from './pg-internals.js';

type Listener = (...args: unknown[]) => void;
interface Emitter {
  once(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/**
 * A connection as an object that brings its own messages is given it. Cursors wait for PostgreSQL to be ready after they were
 * closed: one that has gone away never is, and whoever reads them would wait for ever. So its end counts too.
 */
export function lentConnection(connection: WireConnection): WireConnection {
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === 'once') return (event: string, listener: Listener) => once(target, event, listener);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}

function once(connection: WireConnection, event: string, listener: Listener): void {
  const emitter = connection as unknown as Emitter;
  if (event !== 'readyForQuery') return void emitter.once(event, listener);
  if (connection.stream.destroyed) return process.nextTick(listener);
  const ended = (): void => {
    emitter.off(event, ready);
    listener();
  };
  const ready: Listener = (...args) => {
    emitter.off('end', ended);
    listener(...args);
  };
  emitter.once(event, ready);
  emitter.once('end', ended);
}
