import { readFileSync } from 'node:fs';

/** The operating system account that PostgreSQL runs as. */
export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root. For root this answers the account to run it as: the first of `preferredUids` that
 * the system knows and that is not root, else `postgres`, else `nobody`. For anybody else, and on Windows, it answers
 * `self`: PostgreSQL runs as the caller.
 */
export function serverAccount(preferredUids: readonly number[]): ServerAccount | 'self' | 'none' {
  if (!isRoot()) return 'self';
  const accounts = readAccounts();
  const preferred = preferredUids.flatMap((uid) => accounts.filter((account) => account.uid === uid));
  const usual = ['postgres', 'nobody'].flatMap((name) => accounts.filter((account) => account.name === name));
  return [...preferred, ...usual].find((account) => account.uid !== 0) ?? 'none';
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

// initdb looks its own account up, so an account is usable only if the system lists it.
function readAccounts(): ServerAccount[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}
