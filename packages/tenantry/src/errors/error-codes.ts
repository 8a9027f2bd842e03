import type { ErrorDescription } from './error-description.js';

const unavailable = { title: 'Temporarily unavailable', retryAfter: 1, status: 503 } as const;
const internal = {
  title: 'Internal error',
  status: 500,
  detail: 'The service could not answer this request; its log says why.',
} as const;

/** The one table of failures. `docs/errors.md` is generated from it, and a test keeps the two equal. */
export const errorCodes = {
  TENANCY_TENANT_MISSING: {
    status: 401,
    title: 'Tenant required',
    detail: 'The request names no tenant; it needs {expected}.',
    operator:
      'The resolver found no tenant in the request. Send {expected}, or mark the route with @CatalogScope() if it serves no tenant.',
  },
  TENANCY_TENANT_ID_INVALID: {
    status: 400,
    title: 'Invalid tenant id',
    detail: 'A tenant id {rule}.',
    operator: 'A request or a call named a tenant by an id that cannot exist: a tenant id {rule}.',
  },
  TENANCY_TENANT_AMBIGUOUS: {
    status: 400,
    title: 'More than one tenant',
    detail: 'The request names more than one tenant; name exactly one.',
    operator:
      'The request carried several values where the resolver reads one tenant id. Look for a proxy that adds the header twice.',
  },
  TENANCY_TENANT_MISMATCH: {
    status: 403,
    title: 'Not your tenant',
    detail: 'The request names a tenant that its credentials do not belong to.',
    operator:
      'The resolvers of allOf() found different tenants in one request, so nobody was served. Either somebody tries to reach a foreign tenant, or a proxy sets the wrong one.',
  },
  TENANCY_TOKEN_INVALID: {
    status: 401,
    title: 'Invalid token',
    detail: 'The bearer token could not be verified; send a valid one.',
    operator:
      'fromClaim() could not verify the bearer token: {reason}. Check the `key`, `issuer` and `audience` options.',
  },
  TENANCY_TOKEN_UNVERIFIABLE: {
    ...unavailable,
    detail: 'The bearer token cannot be verified at the moment; try again shortly.',
    operator:
      'fromClaim() could not get or use its key: {reason}. Check the `key` and `algorithms` options, and that the key set can be reached.',
  },
  TENANCY_TENANT_UNKNOWN: {
    status: 404,
    title: 'Unknown tenant',
    detail: 'There is no such tenant; check the id that the request names.',
    operator: 'No tenant "{tenant}" is in the catalog, or it was deleted. A new one is made with catalog.create().',
  },
  TENANCY_TENANT_SUSPENDED: {
    status: 403,
    title: 'Tenant suspended',
    detail: 'This tenant is suspended; whoever runs the service can resume it.',
    operator:
      'Tenant "{tenant}" has the status "suspended". Serve it again with `tenantry tenant resume {tenant}`, or tenants.resume().',
  },
  TENANCY_TENANT_ARCHIVED: {
    status: 403,
    title: 'Tenant archived',
    detail: 'This tenant is archived; whoever runs the service can restore it.',
    operator:
      'Tenant "{tenant}" has the status "archived". Serve it again with `tenantry tenant restore {tenant}`, or tenants.restore().',
  },
  TENANCY_TENANT_EXISTS: {
    status: 409,
    title: 'Tenant exists',
    detail: 'This id belongs or belonged to another tenant; choose another one.',
    operator:
      'The id "{tenant}" belongs or belonged to another tenant, and an id is never used twice. Choose another one.',
  },
  TENANCY_TENANT_STATUS: {
    status: 409,
    title: 'Not in this state',
    detail: 'The tenant {rule}.',
    operator: 'Tenant "{tenant}" {rule}.',
  },
  TENANCY_TENANT_ENTANGLED: {
    status: 409,
    title: 'Tenant is tied to something else',
    detail: 'Something outside this tenant depends on it, so nothing was changed.',
    operator: 'Tenant "{tenant}" was not changed: {reason}.',
  },
  TENANCY_TENANT_BUSY: {
    status: 409,
    title: 'Tenant is busy',
    detail: 'Another change of this tenant is under way; try again when it is over.',
    operator:
      'Another command works on the tenant "{tenant}", here or in another process. It is an operation, which `tenantry tenant show {tenant}` names, or an export, a clone or an import. Try again when it is over.',
  },
  TENANCY_OPERATION_OPEN: {
    status: 409,
    title: 'Operation unfinished',
    detail: 'An earlier change of this tenant is unfinished; whoever runs the service can finish it.',
    operator:
      'Operation {operation} ("{kind}") of the tenant "{tenant}" is unfinished, so nothing else was begun. Run the same command again, with the same options, to finish it; `tenantry tenant show {tenant}` shows them.',
  },
  TENANCY_OPERATION_FAILED: {
    ...internal,
    operator:
      'Operation {operation} ("{kind}") of the tenant "{tenant}" failed at the step "{step}": {reason}. {outcome}',
  },
  TENANCY_TENANT_NAME_INVALID: {
    status: 400,
    title: 'Invalid tenant name',
    detail: 'A tenant name has 1 to 200 characters and no control characters.',
    operator: 'A tenant name has 1 to 200 characters and no control characters.',
  },
  TENANCY_TENANT_NOT_READY: {
    ...unavailable,
    detail: 'This tenant is being prepared; try again shortly.',
    operator:
      'Tenant "{tenant}" has no schema{of} yet. A process with DATABASE_OWNER_URL provisions it; run one, or call reconcile().',
  },
  TENANCY_TENANT_BEHIND: {
    ...unavailable,
    detail: 'This tenant is being brought up to date; try again shortly.',
    operator:
      'Tenant "{tenant}" is at "{head}" and the service "{service}" at a newer migration, so with `onBehind: "{onBehind}"` it is not served. Run `tenantry migrate --tenant {tenant}`, or choose `onBehind: "serve"` for changes that old tables can live with.',
  },
  TENANCY_PROVISIONING_FAILED: {
    ...unavailable,
    retryAfter: 5,
    detail: 'This tenant could not be prepared; try again later.',
    operator: 'Provisioning "{schema}" failed and was rolled back: {reason}.',
  },
  TENANCY_SCHEMA_TAKEN: {
    ...internal,
    operator:
      'The schema or role "{schema}" exists, but Tenantry did not make it, so it was left alone. Rename or drop it, or give the tenant another id.',
  },
  TENANCY_SCHEMA_LOST: {
    ...internal,
    operator:
      'The catalog has the schema "{schema}" but the database does not; somebody dropped it by hand. Restore it from a backup, or delete its rows in tenantry.tenant_schema and tenantry.ledger to get an empty one.',
  },
  TENANCY_SCOPE_MISSING: {
    ...internal,
    operator:
      '{what} was used outside any scope. Wrap the code in tenancy.run(tenantId, fn) or tenancy.runInCatalog(fn); a callback keeps its scope with tenancy.bind(fn). Middleware and hooks run before a request has a scope: use a guard or an interceptor.',
  },
  TENANCY_SCOPE_NOT_TENANT: {
    ...internal,
    operator:
      '{what} needs a tenant, but the code runs in the catalog scope. Wrap it in tenancy.run(tenantId, fn), or remove @CatalogScope() from the route.',
  },
  TENANCY_SCOPE_MISMATCH: {
    ...internal,
    operator:
      '{what} belongs to the scope "{other}" but was used in the scope "{scope}". Use it in its own scope, or load it again in this one; nothing was sent.',
  },
  TENANCY_SCOPE_BOUND: {
    ...internal,
    operator:
      'This request already has the scope "{scope}"; a scope never changes once it is bound. Use tenancy.run(tenantId, fn) for work in another tenant, tenancy.runInCatalog(fn) for work in the catalog. One GraphQL operation is one request: ask for tenant and catalog in two.',
  },
  TENANCY_SCOPE_REFUSED: {
    ...internal,
    operator: 'PostgreSQL refused to enter the scope "{scope}", so the statement was not run: {reason}. {remedy}',
  },
  TENANCY_STATEMENT_REFUSED: {
    ...internal,
    operator: '{what} cannot carry its scope on a pooled connection. {remedy}',
  },
  TENANCY_TABLE_WITHOUT_SCHEMA: {
    ...internal,
    operator:
      'The entity "{entity}" names no schema. Use schema: "*" for a table in every tenant schema, or name the shared schema it lives in.',
  },
  TENANCY_ACCESS_DENIED: {
    ...internal,
    operator:
      "PostgreSQL denied a statement{where}: {reason}. In a tenant scope it reached outside the tenant's schema; otherwise its role lacks a right.",
  },
  TENANCY_POOL_EXHAUSTED: {
    ...unavailable,
    detail: 'The service is busy; try again shortly.',
    operator:
      'All {max} connections of the pool were in use for {acquireTimeoutMs} ms. Raise `connections` (the pool has those that `ownerConnections` and the listening connection leave) or `acquireTimeoutMs`, or shorten transactions.',
  },
  TENANCY_OWNER_POOL_EXHAUSTED: {
    ...unavailable,
    detail: 'The service is busy; try again shortly.',
    operator:
      'All {max} connections of the owner role were in use for {acquireTimeoutMs} ms. Raise `ownerConnections` (and `connections` with it) or `acquireTimeoutMs`, or run fewer such operations at the same time.',
  },
  TENANCY_TENANT_OVERLOADED: {
    status: 429,
    title: 'Too many requests',
    retryAfter: 1,
    detail: 'Too many requests for this tenant are under way; try again shortly.',
    operator:
      'Tenant "{tenant}" had all its {connectionsPerTenant} connections in use for {acquireTimeoutMs} ms. Raise `connectionsPerTenant` or `acquireTimeoutMs`, or shorten its transactions.',
  },
  TENANCY_DATABASE_UNAVAILABLE: {
    ...unavailable,
    detail: 'The database cannot be used at the moment; try again shortly.',
    operator: 'PostgreSQL cannot be used: {reason}. {remedy}',
  },
  TENANCY_LOCK_HELD: {
    ...unavailable,
    retryAfter: 5,
    detail: 'This has to wait for another change; try again shortly.',
    operator:
      'Tenantry waited for a lock and did not get it: {reason}. See what that backend does (pg_stat_activity). If it does nothing, end it: pg_terminate_backend(pid).',
  },
  TENANCY_STATEMENT_TIMEOUT: {
    ...unavailable,
    detail: 'The request took too long and was stopped; ask for less, or try again later.',
    operator: 'A statement or its transaction was stopped: {reason}. {remedy}',
  },
  TENANCY_DEADLOCK: {
    ...unavailable,
    title: 'Met another change',
    detail: 'Another change of the same data came in between; send the request again.',
    operator:
      'PostgreSQL rolled back one of several transactions that waited for each other: {reason}. Run it again from its start. It becomes rare when all code locks rows in the same order.',
  },
  TENANCY_SERIALIZATION_FAILURE: {
    ...unavailable,
    title: 'Met another change',
    detail: 'Another change of the same data came in between; send the request again.',
    operator:
      'PostgreSQL rolled back a transaction that does not fit what others did at the same time: {reason}. Run it again from its start. Code that uses repeatable read or serializable must expect that.',
  },
  TENANCY_CONFLICT: {
    status: 409,
    title: 'Conflict',
    detail: 'The change does not fit the data that is there.',
    operator: 'A constraint refused the change: {reason}.',
  },
  TENANCY_VALUE_INVALID: {
    status: 400,
    title: 'Invalid value',
    detail: 'A value in the request cannot be stored; check its length, its form and its characters.',
    operator: 'A value cannot be stored or compared: {reason}.',
  },
  TENANCY_OPTION_INVALID: {
    ...internal,
    operator: 'The option `{option}` is wrong: {reason}.',
  },
  TENANCY_OWNER_REQUIRED: {
    status: 503,
    title: 'Not possible here',
    detail: 'This process may not do that; ask one that may.',
    operator: '{what} needs the owner role. Set DATABASE_OWNER_URL (option `ownerUrl`) in a process that may run DDL.',
  },
  TENANCY_SERVICE_ROLE_UNFIT: {
    ...internal,
    operator: 'The role "{role}" of DATABASE_URL {reason}, so PostgreSQL could not keep tenants apart. {remedy}',
  },
  TENANCY_CATALOG_MISSING: {
    ...internal,
    operator:
      'The catalog (schema "tenantry") {reason}. If that is the right database, `tenantry migrate` with DATABASE_OWNER_URL puts it right, and so does the start of any process that has DATABASE_OWNER_URL.',
  },
  TENANCY_CATALOG_NEWER: {
    ...internal,
    operator:
      'The catalog is at version {version} with a change that this version of Tenantry (up to {known}) cannot serve. Deploy the newer version; it would be unsafe to continue.',
  },
  TENANCY_MIGRATION_CHANGED: {
    ...internal,
    operator: 'The migration "{migration}" of "{service}" {reason}. {remedy}',
  },
  TENANCY_MIGRATION_UNKNOWN: {
    status: 400,
    title: 'Unknown migration',
    detail: 'There is no such migration; check its name.',
    operator:
      'The service "{service}" has no migration "{migration}". Name one that it ships, or `none` for the state before the first.',
  },
  TENANCY_MIGRATION_IRREVERSIBLE: {
    status: 400,
    title: 'Migration cannot be taken back',
    detail: 'This change cannot be taken back.',
    operator:
      'The migration "{migration}" of "{service}" has no down(), or one that runs code, so nothing was changed. Write a down() of statements, or go forward with a new migration.',
  },
  TENANCY_PLAN_REFUSED: {
    status: 400,
    title: 'Change refused',
    detail: 'This change would hold others up for too long, so it was refused.',
    operator:
      'The migration "{migration}" of "{service}" is refused, and nothing was changed: {reason} (the largest is tenant {tenant}\'s). If it must run as it is, say why: `--allow "{rule}: <reason>"` (option `allow` of a rollout), or, before it was registered anywhere, `-- tenantry-allow {rule}: <reason>` in the statement.',
  },
  TENANCY_MIGRATION_NEEDS_SERVICE: {
    ...internal,
    operator:
      'The migration "{migration}" of "{service}" runs code, which only a process that ships it can run. Run the command (`tenantry migrate`, `clone` or `import`) with a config that has this service, or let the service itself reconcile.',
  },
  TENANCY_MIGRATION_FAILED: {
    ...unavailable,
    retryAfter: 5,
    detail: 'This tenant could not be brought up to date; try again later.',
    operator: 'Migrating "{schema}" failed {outcome}: {reason}.',
  },
  TENANCY_SELECTOR_INVALID: {
    status: 400,
    title: 'Invalid selector',
    detail: 'The selector is not understood; it looks like status=active,tier=gold.',
    operator: 'The selector is not understood: {reason}. It looks like status=active,tier=gold.',
  },
  TENANCY_REPORT_INVALID: {
    status: 400,
    title: 'Invalid report',
    detail: 'The report cannot be made, because what it asks is not understood.',
    operator:
      'The {what} of this report is wrong{where}: {reason}. A report is one select that only reads. No further tenant was asked.',
  },
  TENANCY_REPORT_MISMATCH: {
    ...internal,
    operator:
      'The answer of tenant "{tenant}" cannot be merged with the others: {reason}. Name the columns and cast them, or bring the tenant to head.',
  },
  TENANCY_ROLLOUT_UNKNOWN: {
    status: 404,
    title: 'Unknown rollout',
    detail: 'There is no such rollout.',
    operator: 'There is no rollout {rollout}. `tenantry rollout list` shows the newest.',
  },
  TENANCY_ROLLOUT_OVER: {
    status: 409,
    title: 'Not in this state',
    detail: 'This rollout cannot be changed as it is now.',
    operator:
      'Rollout {rollout} is {status}; only one that was halted, stopped or interrupted can be resumed or aborted.',
  },
  TENANCY_FILE_FOREIGN: {
    status: 400,
    title: 'Not a tenant file',
    detail: 'This file is not an exported tenant.',
    operator: 'The file is not a tenant file, so nothing was changed. `tenantry export` writes one.',
  },
  TENANCY_FILE_NEWER: {
    status: 400,
    title: 'Newer tenant file',
    detail: 'This file was written by a newer version.',
    operator:
      'The tenant file has format {version}, and this version of Tenantry knows formats up to {known}, so nothing was changed. Import it with the version that wrote it, or with a newer one.',
  },
  TENANCY_FILE_DAMAGED: {
    status: 400,
    title: 'Damaged tenant file',
    detail: 'This file is damaged or not complete.',
    operator:
      'The tenant file is damaged or not complete, so nothing was changed: {reason}. Copy it again, or export again.',
  },
  TENANCY_FILE_UNFIT: {
    status: 400,
    title: 'Tenant file does not fit',
    detail: 'This file does not fit the services here.',
    operator: 'The tenant file does not fit this database, so nothing was changed: {reason}.',
  },
  TENANCY_TENANT_DRIFTED: {
    status: 409,
    title: 'Tenant drifted',
    detail: 'This tenant has to be repaired first; whoever runs the service can do that.',
    operator:
      'The schemas of "{tenant}" are not what their ledgers say, so a copy would not be complete: {reason} `tenantry drift --tenant {tenant}` shows all of it, with repairs.',
  },
  TENANCY_TRANSFER_FAILED: {
    ...internal,
    operator: '{what} "{tenant}" failed, and {left}: {reason}.',
  },
  TENANCY_ADOPTION_UNFIT: {
    ...internal,
    status: 400,
    operator: 'The shared tables cannot be adopted: {reason}. `tenantry adopt plan` lists every problem.',
  },
  TENANCY_ADOPTION_STATE: {
    ...internal,
    status: 400,
    operator: 'The adoption of "{service}" is {state}, so it cannot {what}. {remedy}',
  },
  TENANCY_ADOPTION_STRAYS: {
    ...internal,
    status: 409,
    operator:
      '{rows} rows of "{table}" were added or changed during the adoption, and their tenant is null or unknown. Give them a tenant, or start again with `orphans: "leave"` for this table.',
  },
  TENANCY_ADOPTION_FAILED: {
    ...internal,
    operator:
      'The rows of tenant "{tenant}" could not be copied: {reason}. They are unchanged, and the same command tries again.',
  },
  TENANCY_ADOPTION_CONFLICT: {
    ...internal,
    status: 409,
    operator:
      'The adoption of "{service}" cannot be rolled back, so the tenant schemas stay in use: {rows} rows of {table} have no place in the shared tables ({reason}). Change or delete them in the tenant schemas.',
  },
  TENANCY_ADOPTION_BUSY: {
    ...internal,
    status: 409,
    operator:
      'The adoption of "{service}" went no further, and the side that was in use stays in use: {reason}. {remedy}',
  },
  TENANCY_MIGRATION_UNFIT: {
    ...internal,
    operator: 'The migration "{migration}" of "{service}" {reason}.',
  },
} as const satisfies Record<string, ErrorDescription>;

/** A stable code, the name of one failure. */
export type TenancyErrorCode = keyof typeof errorCodes;
