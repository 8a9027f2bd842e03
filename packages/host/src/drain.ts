import type { FastifyInstance } from 'fastify';
import { within } from './within.js';

/** Takes a server out of service. */
export interface Drain {
  /**
   * Stops accepting connections, closes idle ones and lets requests in flight finish; after `limitMs` the rest is cut
   * off. Resolves to whether all of them finished.
   */
  drain(limitMs: number): Promise<boolean>;
}

/** Prepares a server for {@link Drain.drain}. Call it before routes are added. */
export function prepareDrain(fastify: FastifyInstance): Drain {
  let isDraining = false;
  // Otherwise a client sends its next request on a connection that is about to go, and loses it.
  fastify.addHook('onSend', (_, reply, payload, done) => {
    if (isDraining) reply.header('connection', 'close');
    done(null, payload);
  });
  return {
    async drain(limitMs) {
      isDraining = true;
      const isDone = await within(limitMs, fastify.close());
      if (!isDone) fastify.server.closeAllConnections();
      return isDone;
    },
  };
}
