import { runInCell } from '../context/current-scope.js';
import type { ResolvableRequest } from '../resolution/tenant-resolver.js';
import type { RequestScope, RequestScopes } from './request-scope.js';

type Hook = (request: ResolvableRequest, reply: unknown, done: () => void) => void;

/** The part of Fastify that is used here. */
export interface FastifyHooks {
  addHook(name: 'onRequest' | 'preValidation', hook: Hook): unknown;
}

/** Opens each request's scope with Fastify's own hooks: a Nest middleware would put middie in front of every request. */
export function openInFastify(fastify: FastifyHooks, scopes: RequestScopes): void {
  const opened = new WeakMap<ResolvableRequest, RequestScope>();
  fastify.addHook('onRequest', (request, _, done) => {
    opened.set(request, scopes.open(request, done));
  });
  // Reading a body continues in the socket's async context: the scope is entered again before the handler.
  fastify.addHook('preValidation', (request, _, done) => {
    const scope = opened.get(request);
    if (scope) runInCell(scope.cell, done);
    else done();
  });
}
