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
    const { statusCode, message } = failures[error.code ?? ''] ?? { statusCode: 400, message: 'This is not HTTP.' };
    const { status, headers, body } = toProblem(Object.assign(new Error(message), { statusCode }));
    const text = JSON.stringify(body);
    const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${text}`);
  },
};

const failures: Readonly<Record<string, { statusCode: number; message: string }>> = {
  HPE_HEADER_OVERFLOW: { statusCode: 431, message: 'The address and the headers are too long together.' },
  ERR_HTTP_REQUEST_TIMEOUT: { statusCode: 408, message: 'The request took too long to arrive.' },
};
