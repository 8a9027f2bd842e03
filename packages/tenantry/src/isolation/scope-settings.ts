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

/** What a scope needs, as PostgreSQL takes it. */
export interface ScopeSettings {
  readonly role: string;
  readonly searchPath: string;
  /** Milliseconds. */
  readonly statementTimeout: string;
  /** Milliseconds. */
  readonly idleTimeout: string;
}

interface Fixed {
  readonly statementTimeout: string;
  readonly idleTimeout: string;
  readonly shared: string;
}

/** The parts that are the same for every scope, computed once: they are needed for every statement. */
const fixed = new WeakMap<GateOptions, Fixed>();

function fixedOf(options: GateOptions): Fixed {
  const known = fixed.get(options);
  if (known) return known;
  // pg_temp goes last: where it is not named it comes first, and a temporary table could stand in for a tenant's own.
  const shared = [...options.sharedSchemas, 'pg_temp'].map(quoteIdentifier).join(',');
  const made = {
    statementTimeout: String(options.statementTimeoutMs),
    idleTimeout: String(options.idleTransactionTimeoutMs),
    shared,
  };
  fixed.set(options, made);
  return made;
}

/** What one scope needs. Pure. */
export function scopeSettings(scope: Scope | undefined, options: GateOptions): ScopeSettings {
  const { statementTimeout, idleTimeout, shared } = fixedOf(options);
  if (scope?.kind !== 'tenant') {
    // Also without a scope: whatever a session-level SET left behind must not outlive the statement that left it.
    const role = scope === lookupScope ? 'none' : options.catalogRole;
    return { role, searchPath: '', statementTimeout, idleTimeout };
  }
  const { schema } = scope.placement;
  const searchPath = `${quoteIdentifier(schema)},${shared}`;
  // The role has the schema's name, always: what the catalog says must not be able to lend a tenant another's rights.
  return { role: options.isolation === 'role' ? schema : 'none', searchPath, statementTimeout, idleTimeout };
}

/** The values of {@link preambleText}. Pure. */
export function preambleValues({ role, searchPath, statementTimeout, idleTimeout }: ScopeSettings): readonly string[] {
  return [role, searchPath, statementTimeout, idleTimeout];
}

/**
 * The same settings as commands, for one scope. Pure.
 *
 * @param limits - The limits too. Otherwise `set local statement_timeout` is a transaction's right.
 */
export function scopeCommands(settings: ScopeSettings, limits: boolean): readonly string[] {
  const { role, searchPath, statementTimeout, idleTimeout } = settings;
  const scope = [
    `set local role ${role === 'none' ? role : quoteIdentifier(role)}`,
    `set local search_path to ${searchPath === '' ? "''" : searchPath}`,
  ];
  if (!limits) return scope;
  return [
    ...scope,
    `set local statement_timeout to ${statementTimeout}`,
    `set local idle_in_transaction_session_timeout to ${idleTimeout}`,
  ];
}
