import type { TenantId } from '../tenant/tenant-id.js';
import type { AdoptionProblem } from './adoption-ground.js';

/** A row of the table with the tenants, and the tenant it becomes. */
export interface FoundTenant {
  /** The value that tenant columns have, as text. */
  readonly sourceId: string;
  readonly tenant: TenantId;
  readonly name: string;
}

/** A value that cannot become a tenant. */
export interface UnfitTenant {
  readonly sourceId: string;
  readonly reason: string;
}

/** One shared table. */
export interface PlannedTable {
  readonly table: string;
  readonly as: string;
  /** The tenant column, or the foreign keys to the table that has it: `order_id → client_id`. */
  readonly tenant: string;
  /** Reached only through joins. */
  readonly joined: boolean;
  /** That have a tenant. */
  readonly rows: number;
  /** Rows that stay behind, and what was decided on them. */
  readonly orphans: { readonly null: number; readonly unknown: number; readonly policy: 'refuse' | 'leave' };
  /** `index`: rows of a tenant are found by an index. `sorted`: a sorted copy of all adopted tables is made first. */
  readonly read: 'index' | 'sorted';
}

/** A foreign key that would not hold within a tenant. */
export interface CrossingKey {
  readonly table: string;
  readonly constraint: string;
  readonly to: string;
  readonly rows: number;
  /** Keys of some of the rows. */
  readonly examples: readonly (readonly unknown[])[];
}

/** A unique constraint that means something else afterwards. */
export interface ChangedUnique {
  readonly table: string;
  readonly constraint: string;
  readonly columns: readonly string[];
  /** `within`: held across all tenants, will hold within each. `lost`: the tenant table has none. `new`: the shared table had none. */
  readonly change: 'within' | 'lost' | 'new';
  /** Groups of rows that a new one would refuse. */
  readonly duplicates: number;
}

/** A sequence that is moved past the greatest value of each tenant. */
export interface MovedSequence {
  readonly table: string;
  readonly column: string;
}

/** What an adoption found and would do. */
export interface AdoptionPlan {
  readonly service: string;
  /** Nothing stands against it. */
  readonly ok: boolean;
  readonly tenants: {
    readonly found: number;
    /** Are in the catalog already. */
    readonly known: number;
    readonly unfit: readonly UnfitTenant[];
  };
  /** In the order in which they are copied. */
  readonly tables: readonly PlannedTable[];
  /** Rows per tenant and shared table. */
  readonly rows: readonly {
    readonly tenant: string;
    readonly sourceId: string;
    readonly rows: Readonly<Record<string, number>>;
  }[];
  readonly crossing: readonly CrossingKey[];
  readonly uniques: readonly ChangedUnique[];
  readonly sequences: readonly MovedSequence[];
  readonly problems: readonly AdoptionProblem[];
  readonly notes: readonly string[];
  /** A rough figure, from a sample on this server. */
  readonly estimatedSeconds: number;
}
