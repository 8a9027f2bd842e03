/** A column of a shared table, and of the tenant table. */
export interface ColumnPair {
  readonly from: string;
  readonly to: string;
  /** An enum, which is another type in every schema though it has the same labels: goes through text. */
  readonly throughText: boolean;
  /** As written in a cast; `null` for a type of the tenant schema, whose bare name is `ownType`. */
  readonly toType: string | null;
  readonly ownType: string | null;
  readonly fromType: string;
  /** Computed in the shared table, so never written there. */
  readonly computed: boolean;
}

/** One step from a table to the one that has its tenant. */
export interface PathStep {
  readonly columns: readonly string[];
  /** The part that the foreign key leads to. */
  readonly part: number;
  readonly toColumns: readonly string[];
}

/** A shared table, and how its rows find their way into the tenant schemas. */
export interface Part {
  readonly number: number;
  readonly schema: string;
  readonly table: string;
  /** The table in the tenant schemas. */
  readonly as: string;
  /** Foreign keys from the table to the one with the tenant column; empty where it has the column itself. */
  readonly path: readonly PathStep[];
  /** At the end of the path. */
  readonly tenantColumn: string;
  readonly tenantType: string;
  /** What is copied. */
  readonly columns: readonly ColumnPair[];
  /** The primary key without the tenant: what a row is known by within its tenant. */
  readonly key: readonly ColumnPair[];
  /** The whole primary key of the shared table. */
  readonly sourceKey: readonly string[];
  /** Columns of the tenant table with a sequence. */
  readonly sequences: readonly string[];
  /** Columns of the shared table with one. */
  readonly sourceSequences: readonly string[];
  readonly orphans: 'refuse' | 'leave';
}

/** An adoption, decided: it is kept with it, so that what began is ended in the same way. */
export interface Layout {
  readonly service: string;
  readonly tenants: {
    readonly schema: string;
    readonly table: string;
    readonly id: string;
    readonly name: string | null;
    readonly tenantId: string;
    readonly idPrefix: string;
  };
  readonly parts: readonly Part[];
  /** Numbers of the parts, parents first. */
  readonly order: readonly number[];
  /** How rows of a tenant are found: by an index, or in sorted copies that are made first. */
  readonly read: 'index' | 'sorted';
}

/** The parts, parents first. */
export function ordered({ parts, order }: Layout): readonly Part[] {
  return order.map((number) => partAt(parts, number));
}

/** The parts whose tenant is that of a row of this one, directly or through others. */
export function descendantsOf({ parts }: Layout, { number }: Part): readonly Part[] {
  return parts.filter(({ path }) => path.some((step) => step.part === number));
}

export function partAt(parts: readonly Part[], number: number): Part {
  const part = parts[number];
  if (!part) throw new Error(`There is no part ${number}.`);
  return part;
}
