import { createServer } from 'node:net';

/** Answers `preferred` if nothing listens there on 127.0.0.1, otherwise a port that the system picks. */
export async function freePort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined) {
    const port = await tryToBind(preferred);
    if (port !== undefined) return port;
  }
  const port = await tryToBind(0);
  if (port === undefined) throw new Error('No TCP port is free on 127.0.0.1');
  return port;
}

function tryToBind(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
