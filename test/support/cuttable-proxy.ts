import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to PostgreSQL that a test can cut. */
export interface CuttableProxy {
  /** The URL that was given, through this proxy. */
  readonly url: string;
  /** Connections that stand. */
  readonly connections: number;
  /** Nothing passes any more and nobody is told, as when a cable is pulled. */
  freeze(): void;
  /** Breaks every connection and refuses new ones. */
  cut(): void;
  /** Lets new connections through. */
  mend(): void;
  close(): Promise<void>;
}

export async function cuttableProxy(target: string): Promise<CuttableProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  let isCut = false;
  const server = createServer((inside) => {
    if (isCut) {
      inside.resetAndDestroy();
      return;
    }
    const outside = connect(Number(port), hostname);
    const pair = [inside, outside] as const;
    pairs.add(pair);
    inside.pipe(outside).pipe(inside);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        for (const either of pair) either.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const breakAll = () => {
    for (const [inside] of pairs) inside.resetAndDestroy();
  };
  return {
    url: url.href,
    get connections() {
      return pairs.size;
    },
    freeze() {
      for (const [inside, outside] of pairs) {
        inside.unpipe(outside).pause();
        outside.unpipe(inside).pause();
      }
    },
    cut() {
      isCut = true;
      breakAll();
    },
    mend: () => void (isCut = false),
    async close() {
      breakAll();
      server.close();
      await once(server, 'close');
    },
  };
}
