import type { FastifyInstance } from 'fastify';
import { StartupError } from './startup-error.js';

/** Where a service listens. */
export interface ListenOptions {
  /** Names the variable to change when the port is taken: `INVENTORY_PORT`. */
  readonly name: string;
  readonly port: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
}

/** Listens and answers the address as a URL. */
export async function listen(
  // The adapter types its instance for HTTP/1 and HTTP/2 alike.
  fastify: Pick<FastifyInstance, 'listen'>,
  { name, port, host = '127.0.0.1' }: ListenOptions,
): Promise<string> {
  const variable = `${name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}_PORT`;
  try {
    return await fastify.listen({ port, host });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const fail = (sentence: string) => new StartupError('PORT_TAKEN', sentence, { cause });
    switch (code) {
      case 'EADDRINUSE':
        throw fail(
          `Port ${port} on ${host} is taken; stop the program that uses it, or set ${variable} to another port.`,
        );
      case 'EACCES':
        throw fail(`Port ${port} needs rights that this user does not have; set ${variable} to a port above 1023.`);
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
        throw fail(`The address ${host} is not one of this machine; change the \`host\` of the service ${name}.`);
      default:
        throw cause;
    }
  }
}
