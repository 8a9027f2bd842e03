import { createHash } from 'node:crypto';

/** Tenants in the order in which a rollout takes them. */
export function rolloutOrder(tenants: readonly string[]): string[] {
  const rank = (tenant: string) => createHash('md5').update(tenant).digest('hex');
  return tenants.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
