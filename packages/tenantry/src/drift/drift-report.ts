import type { ObjectKind } from './schema-object.js';

/** One way in which a tenant schema is not what its ledger says. */
export interface DriftDifference {
  readonly kind: ObjectKind | 'ledger';
  /** Its name in the schema: `widget.name`, `widget_name_index`; of a ledger row, the migration. */
  readonly object: string;
  /** `settings`: how something is kept, not what it is. */
  readonly problem: 'missing' | 'unknown' | 'different' | 'settings' | 'invalid' | 'owner' | 'grants';
  /** For people. */
  readonly words: string;
  /** Statements that put it right, in the order of the list; `null` where only a person can decide. */
  readonly repair: string | null;
  /** The repair throws away something that is there: a column, an index, somebody's view. */
  readonly destructive: boolean;
}

/** A tenant schema that differs. */
export interface DriftedSchema {
  readonly tenant: string;
  readonly service: string;
  readonly schema: string;
  /** The head that the catalog has for it. */
  readonly head: string | null;
  readonly differences: readonly DriftDifference[];
}

/** A tenant that has no schema where it should have one. */
export interface MissingSchema {
  readonly tenant: string;
  readonly service: string;
  readonly schema: string;
  /** `lost`: the catalog has it, the database does not. `never made`: an active tenant that nobody has provisioned. */
  readonly problem: 'lost' | 'never made';
  readonly words: string;
}

/** A schema with the name of a tenant schema that the catalog does not know. It is left alone. */
export interface OrphanSchema {
  readonly schema: string;
  readonly tenant: string;
  readonly service: string;
  /** Whether the catalog knows a tenant of that id. */
  readonly tenantExists: boolean;
  readonly words: string;
}

/** Tenant schemas that could not be compared, because what they should be could not be made. */
export interface UncheckedSchemas {
  readonly service: string;
  readonly head: string | null;
  readonly schemas: readonly string[];
  readonly reason: string;
}

/** What a look for drift found. */
export interface DriftReport {
  /** Whether there is nothing to report; schemas of others do not count. */
  readonly clean: boolean;
  /** Tenant schemas that were looked at. */
  readonly checked: number;
  readonly drifted: readonly DriftedSchema[];
  readonly missing: readonly MissingSchema[];
  readonly orphans: readonly OrphanSchema[];
  readonly unchecked: readonly UncheckedSchemas[];
  /** Schemas of other people, which are nobody's business here. */
  readonly others: number;
  /** Whether the look was stopped before its end. */
  readonly stopped: boolean;
  readonly tookMs: number;
}
