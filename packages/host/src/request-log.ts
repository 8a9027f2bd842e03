import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';

/**
 * Logs one line for each request when it was answered. A single hook and one small object: pino-http would create two
 * child loggers for each request, which costs a plain read several percent of its throughput.
 */
export function logRequests(fastify: FastifyInstance, logger: Logger): void {
  if (!logger.isLevelEnabled('info')) return;
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, url } = request;
    const status = reply.statusCode;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    // Without the query: it may carry what nobody wants in a log.
    const end = url.indexOf('?');
    const path = end < 0 ? url : url.slice(0, end);
    logger.info({ method, url: path, status, ms }, `${method} ${path} ${status} ${ms} ms`);
    done();
  });
}
