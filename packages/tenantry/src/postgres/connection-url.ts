import { parse } from 'pg-connection-string';
import { TenancyError } from '../errors/tenancy-error.js';

/** The parts of a PostgreSQL URL that Tenantry reads. */
export interface ConnectionTarget {
  readonly url: string;
  readonly database: string;
  /** Empty where the environment decides. */
  readonly user: string;
}

/** Keywords of libpq that say where or as whom to connect, and that `pg` does not read. */
const unread: Readonly<Record<string, string>> = {
  dbname: 'write the database as the path: postgres://host/database',
  hostaddr: 'write the address as the host',
  service: 'write out what the service file says',
  servicefile: 'write out what the service file says',
};

/**
 * Reads a URL as `pg` does, with the same parser: `postgres://user:password@host:5432/database`, the same without a host or
 * with `?host=…&user=…`, a socket's directory as a host or as `socket:/directory?db=…`.
 *
 * @param option - The option it comes from, for the error.
 * @throws TenancyError `TENANCY_OPTION_INVALID` for what `pg` would not read, or not as libpq does; the message never carries
 * the URL, which holds a password.
 */
export function connectionTarget(url: string, option: string): ConnectionTarget {
  const reason = whyNot(url);
  if (reason !== undefined) throw invalid(option, reason);
  const { host, port, database, user } = parsed(url, option);
  if (`${host ?? ''}${port ?? ''}`.includes(',')) throw invalid(option, severalHosts);
  if (!database) throw invalid(option, `it names no database; ${anExample}`);
  return { url, database, user: user ?? '' };
}

/** The same target with another login. */
export function withLogin(url: string, user: string, password: string): string {
  const [socket, database] = url.startsWith('/') ? url.split(' ') : [];
  const text = socket === undefined ? url : `socket:${socket}?db=${encodeURIComponent(database ?? '')}`;
  const [address = '', query] = text.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  // As parameters, which `pg` prefers to what stands before the host: a URL without a host has no place for a login there.
  parameters.set('user', user);
  parameters.set('password', password);
  return `${address.replace(/^(\w+:\/\/)[^/]*@/, '$1')}?${parameters.toString()}`;
}

const anExample = 'write it like postgres://user:password@host:5432/database';
const severalHosts = 'it names several hosts, of which `pg` reads one; name one, or a proxy that finds the primary';

function whyNot(url: string): string | undefined {
  if (/^\s*\w+\s*=/.test(url)) return `it is a list of keywords; ${anExample}`;
  if (!/^(?:postgres(?:ql)?:\/\/|socket:|\/)/.test(url)) return `it is not a URL of PostgreSQL; ${anExample}`;
  const [address = '', query] = url.split(/\?(.*)/s);
  if (url.includes('#')) return 'what follows its "#" would be lost; write %23';
  const authority = /^\w+:\/\/(?:.*@)?([^/]*)/.exec(address)?.[1] ?? '';
  if (authority.includes(',')) return severalHosts;
  const keyword = [...new URLSearchParams(query).keys()].find((key) => Object.hasOwn(unread, key));
  return keyword && `it has "${keyword}", which \`pg\` does not read; ${unread[keyword]}`;
}

function parsed(url: string, option: string): ReturnType<typeof parse> {
  try {
    return parse(url);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    throw invalid(
      option,
      path === undefined
        ? `it cannot be read (${code ?? 'malformed'}); ${anExample}`
        : `the file "${path}" that it names cannot be read (${code})`,
    );
  }
}

function invalid(option: string, reason: string): TenancyError {
  return new TenancyError('TENANCY_OPTION_INVALID', { option, reason });
}
