/** A column as PostgreSQL has it. */
export interface RelationColumn {
  readonly name: string;
  /** Complete, with length and precision; an enum by its labels, so that two of the same labels are equal. */
  readonly type: string;
  /** As it is written in a cast; `null` for a type in the schema of the table itself. */
  readonly castType: string | null;
  /** The bare name of a type in the schema of the table itself. */
  readonly ownType: string | null;
  readonly isEnum: boolean;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  readonly generated: boolean;
  /** Takes its values from a sequence of its own. */
  readonly sequence: boolean;
}

/** A foreign key. */
export interface ForeignKeyFacts {
  readonly name: string;
  readonly columns: readonly string[];
  readonly toSchema: string;
  readonly toTable: string;
  readonly toColumns: readonly string[];
  readonly deferrable: boolean;
}

/** A unique constraint or index over plain columns. */
export interface UniqueFacts {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A table as PostgreSQL has it: what an adoption needs to know. */
export interface RelationFacts {
  readonly schema: string;
  readonly name: string;
  /** As in `pg_class.relkind`. */
  readonly kind: string;
  /** Has children that are no partitions. */
  readonly inherited: boolean;
  readonly columns: readonly RelationColumn[];
  readonly primaryKey: readonly string[];
  /** Without the primary key. */
  readonly uniques: readonly UniqueFacts[];
  /** Unique indexes over expressions or a part of the rows. */
  readonly otherUniques: readonly string[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
  /** First columns of its indexes. */
  readonly indexed: readonly string[];
  /** Not PostgreSQL's own. */
  readonly triggers: readonly string[];
  readonly bytes: number;
  /** By this role, or by one that it belongs to. */
  readonly owned: boolean;
}
