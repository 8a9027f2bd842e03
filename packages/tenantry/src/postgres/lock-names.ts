import { quoteLiteral } from './quote.js';

declare const brand: unique symbol;

/** The name of an advisory lock of ours. Only {@link lockNames} makes one. */
export type LockName = string & { readonly [brand]: 'LockName' };

const named = (name: string) => name as LockName;

/**
 * What is locked, and what its lock is called. Advisory locks are per database, so these names are all there is; the functions in
 * `sql/` spell some of them too. A lock that two versions name differently keeps neither out.
 */
export const lockNames = {
  /** One tenant schema: whoever provisions, migrates, renames or drops it. */
  schema: (schema: string) => named(`schema:${schema}`),
  /** One tenant: whoever runs an operation on it. */
  operation: (tenant: string) => named(`operation:${tenant}`),
  /** The rollouts of a service, of which one is led at a time. */
  rollout: (service: string) => named(`rollout:${service}`),
  /** The adoption of a service, likewise. */
  adoption: (service: string) => named(`adoption:${service}`),
  /** What a service ships, as the catalog knows it. */
  service: (service: string) => named(`service:${service}`),
  /** A schema that all tenants share: whoever migrates it. */
  shared: (schema: string) => named(`shared:${schema}`),
  /** The statements that run outside a transaction in one tenant schema. */
  outside: (schema: string) => named(`outside:${schema}`),
  /** The template of a service's head: whoever builds it. */
  template: (service: string) => named(`template:${service}`),
  /** The tenant columns in shared tables that a service declares. */
  tenantRows: (declaredBy: string) => named(`tenant-rows:${declaredBy}`),
  /** The memberships of roles, which two that drop roles both change. */
  roles: () => named('roles'),
} as const;

/**
 * SQL for the 64-bit key of an advisory lock. Only the owner role may compute it: every role may take a lock whose key it
 * knows, and hold up a rollout with it.
 */
export function lockKey(name: LockName): string {
  return `tenantry.lock_key(${quoteLiteral(name).trim()})`;
}

/** The same for locks of one kind, where the rest of the name is in a column. */
export function lockKeyIn(kind: Exclude<keyof typeof lockNames, 'roles'>, column: string): string {
  return `tenantry.lock_key(${quoteLiteral(lockNames[kind]('')).trim()} || ${column})`;
}

/** SQL for the key of the one lock that is needed before there is a catalog: then there are no tenants either who could take it. */
export const firstKey = "hashtextextended('tenantry:catalog', 0)";
