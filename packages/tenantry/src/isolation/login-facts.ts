import { TenancyError } from '../errors/tenancy-error.js';
import type { Querier } from '../postgres/querier.js';
import { quoteIdentifier } from '../postgres/quote.js';

/** What decides whether a role may own or serve. */
export interface LoginFacts {
  readonly role: string;
  readonly superuser: boolean;
  readonly bypassrls: boolean;
  readonly createrole: boolean;
  readonly inherit: boolean;
  /** Owns a schema with the name of a tenant schema. */
  readonly owns: boolean;
  /** PostgreSQL's `server_version_num`. */
  readonly version: number;
}

/** Reads the facts of a role, by default of the one that is logged in. */
export async function readLoginFacts(client: Querier, role?: string): Promise<LoginFacts> {
  const { rows } = await client.query<LoginFacts>(
    `select rolname as role, rolsuper as superuser, rolbypassrls as bypassrls, rolcreaterole as createrole, rolinherit as inherit,
            current_setting('server_version_num')::int as version,
            exists (select from pg_namespace where nspowner = r.oid
                      and nspname ~ '^[a-z0-9][a-z0-9_-]*_[a-z][a-z0-9]*$' and nspname !~ '^(pg_|information_schema$)') as owns
       from pg_roles r where rolname = coalesce($1, current_user)`,
    [role ?? null],
  );
  const [facts] = rows;
  if (!facts)
    throw new TenancyError('TENANCY_DATABASE_UNAVAILABLE', {
      variable: 'DATABASE_URL',
      reason: `it has no role "${role ?? 'of this login'}" any more`,
      remedy: 'Somebody dropped it: check the login that DATABASE_URL names.',
    });
  return facts;
}

/**
 * Checks that the role which serves cannot reach a tenant's rows by itself. Pure.
 *
 * @throws TenancyError `TENANCY_SERVICE_ROLE_UNFIT`.
 */
export function requireFitServiceRole(facts: LoginFacts): void {
  const [unfit] = unfitnessesOf(facts);
  if (!unfit) return;
  const { reason, remedy } = unfit;
  throw new TenancyError('TENANCY_SERVICE_ROLE_UNFIT', { role: facts.role, reason, remedy });
}

/** Why a role should not serve. */
export interface Unfitness {
  readonly trait: 'SUPERUSER' | 'BYPASSES_RLS' | 'CREATES_ROLES' | 'OWNS_TENANTS' | 'INHERITS';
  /** What it is or has, after its name. */
  readonly reason: string;
  readonly remedy: string;
}

/** Everything that makes a role unfit to serve. Pure. */
export function unfitnessesOf(facts: LoginFacts): readonly Unfitness[] {
  const remedy = 'Give DATABASE_URL a plain role of its own and set DATABASE_OWNER_URL to this one.';
  const found: Unfitness[] = [];
  if (facts.superuser) found.push({ trait: 'SUPERUSER', reason: 'is a superuser', remedy });
  if (facts.bypassrls) found.push({ trait: 'BYPASSES_RLS', reason: 'has BYPASSRLS', remedy });
  if (facts.createrole) found.push({ trait: 'CREATES_ROLES', reason: 'has CREATEROLE', remedy });
  if (facts.owns) found.push({ trait: 'OWNS_TENANTS', reason: 'owns tenant schemas', remedy });
  // From PostgreSQL 16 the grant itself says that it does not inherit.
  if (facts.inherit && facts.version < 160_000) {
    const alter = `Run: alter role ${quoteIdentifier(facts.role)} noinherit;`;
    found.push({ trait: 'INHERITS', reason: 'inherits the rights of the tenant roles', remedy: alter });
  }
  return found;
}
