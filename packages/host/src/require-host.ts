import type { FastifyInstance } from 'fastify';

/**
 * Refuses what RFC 9112 says must be refused: a request of HTTP/1.1 without a host. Node would do it too, but without a
 * body; for this hook it has to be told not to (`requireHostHeader: false`).
 */
export function requireHost(fastify: Pick<FastifyInstance, 'addHook'>): void {
  fastify.addHook('onRequest', ({ raw }, reply, done) => {
    if (raw.httpVersion !== '1.1' || raw.headers.host !== undefined) return done();
    reply.header('connection', 'close');
    done(Object.assign(new Error('The request names no host; it needs the header Host.'), { statusCode: 400 }));
  });
}
