import type { GivenBack } from '../isolation/harden.js';
import type { LoginFacts } from '../isolation/login-facts.js';
import type { UnfitSchema } from '../isolation/shared-schemas.js';
import type { IsolationMode } from '../isolation/scope-settings.js';

/** How processes serve; PostgreSQL cannot say it. */
export interface ServingFacts {
  /** As in `TenancyOptions`. @default 10 */
  readonly connections?: number | undefined;
  /** Processes with so many connections each. @default 1 */
  readonly processes?: number | undefined;
  /** As in `TenancyOptions`. @default false */
  readonly transactionPooler?: boolean | undefined;
  /** As in `TenancyOptions`. @default `url`; `ownerUrl` or `false` with `transactionPooler` */
  readonly listenUrl?: string | false | undefined;
}

/** What the server is set to. */
export interface ServerFacts {
  /** PostgreSQL's `server_version_num`. */
  readonly version: number;
  readonly maxConnections: number;
  /** Of these, those for superusers and the like. */
  readonly reservedConnections: number;
  readonly maxLocksPerTransaction: number;
  readonly maxPreparedTransactions: number;
  readonly fsync: boolean;
  readonly fullPageWrites: boolean;
  readonly synchronousCommit: boolean;
  /** Tables of this database; a dump of the whole database locks each. */
  readonly tables: number;
}

/** Tenant schemas with some flaw: how many, and one of them. */
export interface Flawed {
  readonly count: number;
  readonly example: string | null;
}

/** Who may do what. */
export interface RightsFacts {
  /** Tenant schemas that the service role may use without entering a tenant's role. */
  readonly reached: Flawed;
  /** Tenant schemas of which PUBLIC may use something. */
  readonly publicised: Flawed;
  /** What is open to PUBLIC, as the SQL that closes it. */
  readonly openings: readonly string[];
  /** What roles that serve were given back of it. */
  readonly givenBack: readonly GivenBack[];
  /** Memberships of tenant roles that Tenantry grants to nobody. */
  readonly memberships: Flawed;
  /** Enabled ones: they run with the DDL of every rollout. */
  readonly eventTriggers: readonly string[];
  /** Schemas on the search path of every tenant of some service. */
  readonly unfitSchemas: readonly UnfitSchema[];
  /** A search path that was set for the service role, or for the database. */
  readonly searchPaths: readonly { readonly of: 'role' | 'database'; readonly value: string }[];
}

/** What the owner role may do. */
export interface OwningFacts {
  readonly role: string;
  readonly makesRoles: boolean;
  readonly makesSchemas: boolean;
  /** Tenant schemas whose role it may neither switch to nor give to anybody. */
  readonly keptOut: Flawed;
  /** Tenant schemas of another owner. */
  readonly foreign: Flawed;
}

/** What is between a process and PostgreSQL. `unclear`: a pooler, but two connections had a backend each. */
export type Pooling = 'none' | 'transaction' | 'unclear';

/** What was found out about poolers. */
export interface PoolingFacts {
  readonly serving: Pooling;
  readonly listening: Pooling | 'nowhere';
  /** PgBouncer's `track_extra_parameters`; `undefined` where nobody may ask it. */
  readonly tracked?: readonly string[] | undefined;
}

/** Everything that the checks decide by. */
export interface DoctorFacts {
  readonly isolation: IsolationMode;
  readonly server: ServerFacts;
  readonly service: LoginFacts;
  /** The owner role, where its URL is known. */
  readonly owner: string | undefined;
  /** The one URL is the owner's, and the service role was made from it. */
  readonly oneUrl: boolean;
  /** Why the catalog cannot be served from. */
  readonly catalog: string | undefined;
  /** `undefined` where there is no catalog that could name the tenant schemas. */
  readonly rights: RightsFacts | undefined;
  /** `undefined` where the owner's URL is not known, or there is no catalog. */
  readonly owning: OwningFacts | undefined;
  readonly pooling: PoolingFacts;
  readonly serving: ServingFacts;
}
