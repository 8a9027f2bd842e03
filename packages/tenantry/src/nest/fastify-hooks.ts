import { runInCell } from '../context/current-scope.js';
import type { ResolvableRequest } from '../resolution/tenant-resolver.js';
import type { RequestCell } from './request-cell.js';
import type { RequestScopes } from './request-scopes.js';

const cellOf = Symbol('tenantry.cell');

type ScopedRequest = ResolvableRequest & {
  [cellOf]?: RequestCell;
  /** Node's own request; `upgrade` when it becomes a socket. */
  readonly raw?: { readonly upgrade?: boolean };
};
type Hook = (request: ScopedRequest, reply: unknown, done: () => void) => void;

/** The part of Fastify that is used here. */
export interface FastifyHooks {
  addHook(name: 'onRequest' | 'preValidation', hook: Hook): unknown;
  decorateRequest(name: symbol, value: null): unknown;
}

/** Opens each request's scope with Fastify's own hooks: a Nest middleware would put middie in front of every request. */
export function openInFastify(fastify: FastifyHooks, scopes: RequestScopes): void {
  fastify.decorateRequest(cellOf, null);
  fastify.addHook('onRequest', (request, _, done) => {
    // A socket lives longer than the request that opened it. With this cell it would keep one EntityManager, and
    // everything that it loads, for all that time.
    if (request.raw?.upgrade) return done();
    request[cellOf] = scopes.open(request, done);
  });
  // A hook of the service may have waited for something that calls back from elsewhere, as a client of a queue or a cache
  // does. Fastify itself goes on in the request's async context, also after it has read a body.
  fastify.addHook('preValidation', (request, _, done) => {
    const cell = request[cellOf];
    if (cell) runInCell(cell, done);
    else done();
  });
}
