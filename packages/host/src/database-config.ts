import { z } from 'zod';
import { StartupError } from './startup-error.js';

/** Which database to use. Without `url` it is the embedded one. */
export interface DatabaseConfig {
  /** Serves requests. */
  readonly url?: string;
  /** May run DDL. */
  readonly ownerUrl?: string;
}

const environment = z.object({
  DATABASE_URL: z.string().optional(),
  DATABASE_OWNER_URL: z.string().optional(),
  DB_HOST: z.string().optional(),
  DB_PORT: z.string().optional(),
  DB_NAME: z.string().optional(),
  DB_USER: z.string().optional(),
  DB_PASSWORD: z.string().optional(),
});

type Environment = z.infer<typeof environment>;

/**
 * Reads `DATABASE_URL`, or `DB_HOST`, `DB_NAME`, `DB_USER`, `DB_PASSWORD` and `DB_PORT` (5432), and
 * `DATABASE_OWNER_URL`. Empty variables count as absent; `DATABASE_URL` leads when both forms are there.
 *
 * @throws StartupError naming the variable that is wrong.
 */
export function readDatabaseConfig(env: Readonly<Record<string, string | undefined>>): DatabaseConfig {
  const filled = environment.parse(Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim() !== '')));
  const url = filled.DATABASE_URL === undefined ? urlFromParts(filled) : checkUrl('DATABASE_URL', filled.DATABASE_URL);
  const ownerUrl = filled.DATABASE_OWNER_URL && checkUrl('DATABASE_OWNER_URL', filled.DATABASE_OWNER_URL);
  if (ownerUrl !== undefined && url === undefined) {
    throw invalid(
      'DATABASE_OWNER_URL is set but DATABASE_URL is not; set both, or neither for the embedded PostgreSQL.',
    );
  }
  return Object.freeze({ ...(url !== undefined && { url }), ...(ownerUrl !== undefined && { ownerUrl }) });
}

function checkUrl(variable: string, value: string): string {
  // With a login and no host, as libpq takes it beside `?host=`: `postgres://user:password@/database?host=…`.
  const address = value.trim().replace(/^(\w+:\/\/[^/]*@)\//, '$1localhost/');
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // Without an @ behind it: digits before one are part of a password that is not encoded.
  const port = /:(\d+)(?=[/?][^@]*$|$)/.exec(value.trim())?.[1];
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) {
    throw invalid(`${variable} names port ${port}; a port is between 1 and 65535.`);
  }
  if (url === undefined) {
    throw invalid(
      `${variable} is not a valid URL; it looks like postgres://user:password@host:5432/database, with special characters percent-encoded.`,
    );
  }
  if (!['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw invalid(`${variable} begins with "${url.protocol}//"; only PostgreSQL is supported: postgres://….`);
  }
  if (url.pathname.length < 2)
    throw invalid(`${variable} names no database; put its name at the end: postgres://…/database.`);
  return value.trim();
}

function urlFromParts(env: Environment): string | undefined {
  const parts = ['DB_HOST', 'DB_NAME', 'DB_USER', 'DB_PASSWORD'] as const;
  const missing = parts.filter((name) => env[name] === undefined);
  if (missing.length === parts.length && env.DB_PORT === undefined) return undefined;
  if (missing.length > 0) {
    const verb = missing.length === 1 ? 'is' : 'are';
    const names = new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(missing);
    throw invalid(
      `${names} ${verb} not set; set DB_HOST, DB_NAME, DB_USER and DB_PASSWORD together, or DATABASE_URL instead.`,
    );
  }
  const { DB_HOST = '', DB_PORT = '5432', DB_NAME = '', DB_USER = '', DB_PASSWORD = '' } = env;
  const login = `${encodeURIComponent(DB_USER)}:${encodeURIComponent(DB_PASSWORD)}`;
  const host = DB_HOST.includes(':') && !DB_HOST.startsWith('[') ? `[${DB_HOST}]` : DB_HOST;
  const url = `postgres://${login}@${host}:${checkPort(DB_PORT)}/${encodeURIComponent(DB_NAME)}`;
  if (!URL.canParse(url)) throw invalid(`DB_HOST is "${DB_HOST}", which is not a host name or an IP address.`);
  return url;
}

function checkPort(value: string): number {
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw invalid(`DB_PORT is "${value}"; a port is a number between 1 and 65535.`);
}

function invalid(message: string): StartupError {
  return new StartupError('CONFIG_INVALID', message);
}
