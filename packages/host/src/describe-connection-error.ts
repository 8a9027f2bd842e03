/** How a connection failure is put into words. */
export interface DescribeOptions {
  /** The connection URL that was used; only host, port, user and database of it are ever shown. */
  readonly url?: string | undefined;
  /** The environment variable to change. @default 'DATABASE_URL' */
  readonly variable?: string;
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hostname: string | undefined;
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/**
 * One sentence for a well-known failure to connect to PostgreSQL, naming the variable to change and never the
 * password; `undefined` for any other error. Looks through `cause` and `errors` for the failure underneath.
 */
export function describeConnectionError(error: unknown, options: DescribeOptions = {}): string | undefined {
  const { variable = 'DATABASE_URL' } = options;
  for (const failure of failuresIn(error)) {
    const sentence = sentences[failure.code]?.(variable, targetOf(failure, options.url), failure.message);
    if (sentence !== undefined) return sentence;
  }
  return undefined;
}

// Whoever configured the parts never wrote a URL.
function either(variable: string, parts: string): string {
  return variable === 'DATABASE_URL' ? `${variable} (or ${parts})` : variable;
}

type Sentence = (variable: string, target: string, message: string) => string;

const refused: Sentence = (variable, target) =>
  `No PostgreSQL answers at ${target} (connection refused); start it, or correct the host and port in ${either(variable, 'DB_HOST and DB_PORT')}.`;
const unknownHost: Sentence = (variable, target) =>
  `The host ${target} is not known; correct the host in ${either(variable, 'DB_HOST')}.`;
const timedOut: Sentence = (variable, target) =>
  `PostgreSQL at ${target} did not answer in time; check the network and the host and port in ${either(variable, 'DB_HOST and DB_PORT')}.`;
const unreachable: Sentence = (variable, target) =>
  `${target} cannot be reached; check the network and the host in ${either(variable, 'DB_HOST')}.`;
const badLogin: Sentence = (variable, _, message) =>
  `PostgreSQL refused the login (${message}); correct the user and password in ${either(variable, 'DB_USER and DB_PASSWORD')}.`;
const malformed: Sentence = (variable) =>
  `${variable} is not a valid URL; it looks like postgres://user:password@host:5432/database, with special characters percent-encoded.`;

const sentences: Readonly<Record<string, Sentence>> = {
  ECONNREFUSED: refused,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
  ETIMEDOUT: timedOut,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ECONNRESET: (variable, target) =>
    `The server at ${target} closed the connection; check that it is a PostgreSQL server and that ${either(variable, 'DB_PORT')} names its port.`,
  ERR_INVALID_URL: malformed,
  '28P01': badLogin,
  '28000': badLogin,
  '3D000': (variable, _, message) =>
    `PostgreSQL answered: ${message}; create it, or correct the database name in ${either(variable, 'DB_NAME')}.`,
  '53300': (variable, target) =>
    `PostgreSQL at ${target} has no connection left; raise its max_connections, or name another server in ${either(variable, 'DB_HOST')}.`,
  '57P03': (variable, target, message) =>
    `PostgreSQL at ${target} takes no connections at the moment (${message}); try again shortly, or name another server in ${either(variable, 'DB_HOST')}.`,
};

function* failuresIn(error: unknown, depth = 0): Generator<Failure> {
  if (!(error instanceof Error) || depth > 8) return;
  const { code, hostname, address, port, errors } = error as Error & Record<string, unknown>;
  yield {
    code: typeof code === 'string' ? code : codeOfMessage(error.message),
    message: error.message,
    hostname: typeof hostname === 'string' ? hostname : undefined,
    address: typeof address === 'string' ? address : undefined,
    port: typeof port === 'number' ? port : undefined,
  };
  yield* failuresIn(error.cause, depth + 1);
  // A name with several addresses fails with one error for each.
  for (const inner of Array.isArray(errors) ? errors : []) yield* failuresIn(inner, depth + 1);
}

// What pg itself notices has no code.
function codeOfMessage(message: string): string {
  if (/timeout expired|connection timeout/i.test(message)) return 'ETIMEDOUT';
  return /connection terminated|closed the connection/i.test(message) ? 'ECONNRESET' : '';
}

function targetOf(failure: Failure, url: string | undefined): string {
  if (failure.hostname !== undefined) return `"${failure.hostname}"`;
  if (failure.address !== undefined)
    return failure.port === undefined ? failure.address : `${failure.address}:${failure.port}`;
  return (url !== undefined && URL.canParse(url) && new URL(url).host) || 'the configured address';
}
