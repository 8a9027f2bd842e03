import { lookupScope, type Scope } from '../context/scope.js';
import { quoteIdentifier } from '../postgres/quote.js';

/** How statements are kept apart: by PostgreSQL's own roles, or only by schema names. */
export type IsolationMode = 'role' | 'schema';

/** What the gate needs to know besides the scope. */
export interface GateOptions {
  /** `role`: PostgreSQL refuses foreign rows. `schema`: names only, a weaker promise that is chosen by name. */
  readonly isolation: IsolationMode;
  /** What code without a tenant runs as; `none` is the login itself. */
  readonly catalogRole: string;
  /** Schemas with types, functions or tables for all tenants, after the tenant's own on the search path. */
  readonly sharedSchemas: readonly string[];
  /** Milliseconds a statement may run; 0 is no limit. */
  readonly statementTimeoutMs: number;
  /** Milliseconds a transaction may wait for its next statement; 0 is no limit. */
  readonly idleTransactionTimeoutMs: number;
  /** Behind a pooler in transaction mode nothing may be prepared by name. */
  readonly transactionPooler: boolean;
}

/** Sets what a scope needs until the end of the transaction, and so never longer than the statement it travels with. */
export const preambleText =
  "select set_config('role',$1,true),set_config('search_path',$2,true),set_config('statement_timeout',$3,true),set_config('idle_in_transaction_session_timeout',$4,true)";

interface Fixed {
  readonly limits: readonly [string, string];
  readonly shared: string;
}

/** What is the same for every scope: it is asked for with every statement. */
const fixed = new WeakMap<GateOptions, Fixed>();

function fixedOf(options: GateOptions): Fixed {
  const known = fixed.get(options);
  if (known) return known;
  const limits = [String(options.statementTimeoutMs), String(options.idleTransactionTimeoutMs)] as const;
  // pg_temp goes last: where it is not named it comes first, and a temporary table could stand in for a tenant's own.
  const shared = [...options.sharedSchemas, 'pg_temp'].map(quoteIdentifier).join(',');
  const made = { limits, shared };
  fixed.set(options, made);
  return made;
}

/** The values of {@link preambleText} for one scope. Pure. */
export function scopeSettings(scope: Scope | undefined, options: GateOptions): readonly string[] {
  const { limits, shared } = fixedOf(options);
  if (scope?.kind !== 'tenant') {
    // Also without a scope: whatever a session-level SET left behind must not outlive the statement that left it.
    return [scope === lookupScope ? 'none' : options.catalogRole, '', ...limits];
  }
  const { schema } = scope.placement;
  const path = `${quoteIdentifier(schema)},${shared}`;
  // The role has the schema's name, always: what the catalog says must not be able to lend a tenant another's rights.
  return [options.isolation === 'role' ? schema : 'none', path, ...limits];
}

/**
 * The same settings as commands, for one scope. Pure.
 *
 * @param limits - The limits too. Otherwise `set local statement_timeout` is a transaction's right.
 */
export function scopeCommands(
  [role = 'none', path = '', statement = '0', idle = '0']: readonly string[],
  limits: boolean,
): readonly string[] {
  const scope = [
    `set local role ${role === 'none' ? role : quoteIdentifier(role)}`,
    `set local search_path to ${path === '' ? "''" : path}`,
  ];
  if (!limits) return scope;
  return [
    ...scope,
    `set local statement_timeout to ${statement}`,
    `set local idle_in_transaction_session_timeout to ${idle}`,
  ];
}
