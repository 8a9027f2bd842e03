import { createHash } from 'node:crypto';

/** The 64-bit key of an advisory lock, as text for `bigint`. Advisory locks are per database, so the name is enough. */
export function lockKey(name: string): string {
  return createHash('sha256').update(`tenantry:${name}`).digest().readBigInt64BE().toString();
}
