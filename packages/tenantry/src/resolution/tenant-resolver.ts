import type { IncomingHttpHeaders } from 'node:http';

/** What a resolver may look at; requests of Fastify and Express are ones. */
export interface ResolvableRequest {
  readonly headers: IncomingHttpHeaders;
  /** Path and query; Express takes the part off under which a router is mounted. */
  readonly url: string;
  /** Path and query as they were sent. */
  readonly originalUrl?: string | undefined;
}

/**
 * Takes a tenant id out of a request. It only reads; whether that tenant exists and is served is decided afterwards.
 * Choose one with the `resolver` option.
 */
export interface TenantResolver {
  /** What a request has to carry, for the answer to one that does not: "the header x-client". */
  readonly expected: string;
  /** The id as text, or `undefined` when the request names no tenant. */
  resolve(request: ResolvableRequest): string | undefined | Promise<string | undefined>;
}

/**
 * A resolver from a function of your own.
 *
 * @param expected - What a request has to carry, for the answer to one that does not.
 * @example
 * const resolver = fromRequest(({ headers }) => headers.host?.split('.', 1)[0], 'a host that begins with the tenant');
 */
export function fromRequest(resolve: TenantResolver['resolve'], expected: string): TenantResolver {
  return { expected, resolve };
}
