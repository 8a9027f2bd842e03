import type { FastifyReply, FastifyServerOptions } from 'fastify';
import { STATUS_CODES } from 'node:http';
import { toProblem } from 'tenantry';

type ProtocolErrorHandlers = Required<Pick<FastifyServerOptions, 'frameworkErrors' | 'clientErrorHandler'>>;

/** Answers what fails before Nest sees a request with problem details too: a malformed URL, an unreadable request. */
export const protocolErrorHandlers: ProtocolErrorHandlers = {
  frameworkErrors(error, _, reply) {
    const { status, headers, body } = toProblem(error);
    // The types know the reply of a route, and there is no route here.
    const bare = reply as unknown as FastifyReply;
    void bare.code(status).headers(headers).send(JSON.stringify(body));
  },

  clientErrorHandler(error, socket) {
    // The other side is gone already.
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    const { status, headers, body } = toProblem(Object.assign(new Error(error.message), { statusCode: statusOf(error.code) }));
    const text = JSON.stringify(body);
    const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${text}`);
  },
};

function statusOf(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}
