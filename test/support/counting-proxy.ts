import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

/** A way to PostgreSQL that counts what goes over it. */
export interface CountingProxy {
  /** The URL that was given, through this proxy. */
  readonly url: string;
  /** Connections and statements since the last call. */
  take(): { connections: number; statements: number };
  close(): Promise<void>;
}

/** Messages of a client that make PostgreSQL run something: Query, Execute. */
const running = new Set(['Q', 'E'].map((letter) => letter.charCodeAt(0)));

export async function countingProxy(target: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  let counted = { connections: 0, statements: 0 };
  const server = createServer((inside) => {
    counted.connections++;
    const outside = connect(Number(port), hostname);
    const count = statementCounter(() => counted.statements++);
    inside.on('data', count);
    inside.pipe(outside).pipe(inside);
    for (const socket of [inside, outside]) {
      socket.on('error', () => undefined);
      socket.on('close', () => [inside, outside].forEach((either) => either.destroy()));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    take() {
      const taken = counted;
      counted = { connections: 0, statements: 0 };
      return taken;
    },
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Reads a client's messages: the first has no type, all others begin with one; then comes their length. */
function statementCounter(onStatement: () => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let typeBytes = 0;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= typeBytes + 4) {
      const end = typeBytes + rest.readInt32BE(typeBytes);
      if (rest.length < end) return;
      if (typeBytes === 1 && running.has(rest[0] ?? 0)) onStatement();
      rest = rest.subarray(end);
      typeBytes = 1;
    }
  };
}
