import { once } from 'node:events';
import { connect } from 'node:net';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request as bytes: what fetch would refuse to send, merge or correct. Latin-1, so that each character is one byte. */
export function rawRequest(
  method: string,
  path: string,
  headers: readonly string[],
  body: Buffer | string = '',
): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, 'host: localhost', 'connection: close', ...headers];
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  if (bytes.length > 0) lines.push(`content-length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

/** Sends bytes on a connection of their own and reads until the server closes it. */
export async function sendRaw(service: { url: string }, request: Buffer): Promise<RawAnswer> {
  return parse(await exchange(service, request));
}

/** Sends bytes and answers all that came back: the answers to several requests, when they were pipelined. */
export async function exchange({ url }: { url: string }, request: Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // The server may close before it has read everything, as it does with a body that is too large.
  socket.on('error', () => undefined);
  socket.write(request);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { status: Number(statusLine.split(' ')[1]), headers, body: text.slice(end + 4) };
}
