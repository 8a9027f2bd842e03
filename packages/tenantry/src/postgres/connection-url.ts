import { TenancyError } from '../errors/tenancy-error.js';

/** The parts of a PostgreSQL URL that Tenantry reads. */
export interface ConnectionTarget {
  readonly url: string;
  readonly database: string;
  readonly user: string;
}

/**
 * Reads a `postgres://` URL.
 *
 * @param option - The option it comes from, for the error.
 * @throws TenancyError `TENANCY_OPTION_INVALID`; the message never carries the URL, which holds a password.
 */
export function connectionTarget(url: string, option: string): ConnectionTarget {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const database = decodeURIComponent(parsed?.pathname.slice(1) ?? '');
  if (!parsed || !/^postgres(?:ql)?:$/.test(parsed.protocol) || database === '') {
    throw new TenancyError('TENANCY_OPTION_INVALID', {
      option,
      reason: 'it is not a URL like postgres://user:password@host:5432/database',
    });
  }
  return { url, database, user: decodeURIComponent(parsed.username) };
}

/** The same target with another login. */
export function withLogin(url: string, user: string, password: string): string {
  const parsed = new URL(url);
  parsed.username = encodeURIComponent(user);
  parsed.password = encodeURIComponent(password);
  return parsed.href;
}
