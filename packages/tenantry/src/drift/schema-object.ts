/** `role:privilege`, with a `*` where it may be granted on; sorted. */
export type Acl = readonly string[] | null;

export interface Owned {
  readonly owner: string | null;
  readonly acl: Acl;
}

export interface Membership {
  readonly role: string;
  /** Who granted it. */
  readonly by: string;
}

export interface RoleFacts {
  readonly exists: boolean;
  /** What a tenant role never has: `login superuser`. */
  readonly attributes: string;
  /** Whether the login that serves may switch to it, and whether it has its rights without switching. */
  readonly granted: boolean | null;
  readonly inherited: boolean | null;
  /** Whether that login may give it to others. */
  readonly administered: boolean | null;
  /** Who else is a member, besides owners; and what it is a member of. */
  readonly members: readonly Membership[] | null;
  readonly groups: readonly Membership[] | null;
}

export interface TableFacts extends Owned {
  readonly form: 'r' | 'p' | 'f';
  readonly persistence: 'p' | 'u';
  readonly options: readonly string[] | null;
  /** Of the table that keeps its long values. */
  readonly toast: readonly string[] | null;
  readonly method: string | null;
  readonly clustered: string | null;
  readonly replicaIdentity: string;
  readonly replicaIndex: string | null;
  /** Tables in other schemas that inherit from it. */
  readonly children: readonly string[] | null;
  readonly rowSecurity: boolean;
  readonly forced: boolean;
  readonly key: string | null;
  readonly bound: string | null;
  readonly parents: readonly string[] | null;
}

/** A part of a table. */
export interface PartFacts {
  readonly table: string;
  readonly name: string;
}

export interface ColumnFacts extends PartFacts {
  readonly type: string;
  readonly notNull: boolean;
  readonly identity: '' | 'a' | 'd';
  readonly generated: '' | 's' | 'v';
  /** Of a generated column: its expression. */
  readonly default: string | null;
  readonly collation: string | null;
  readonly storage: 'p' | 'e' | 'm' | 'x';
  /** That of its type. */
  readonly usualStorage: 'p' | 'e' | 'm' | 'x';
  readonly compression: 'p' | 'l' | null;
  /** Of its statistics. */
  readonly target: number | null;
  readonly options: readonly string[] | null;
  readonly acl: Acl;
}

export interface ConstraintFacts extends PartFacts {
  readonly type: 'p' | 'u' | 'x' | 'c' | 'f';
  readonly definition: string;
  /** Of its index. */
  readonly options: readonly string[] | null;
  readonly valid: boolean;
}

export interface IndexFacts extends PartFacts {
  readonly tableForm: 'r' | 'p' | 'm';
  readonly definition: string;
  readonly valid: boolean;
}

export interface SequenceFacts extends Owned {
  readonly type: string;
  readonly start: string;
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly cache: string;
  readonly cycle: boolean;
  /** The column it belongs to. */
  readonly table: string | null;
  readonly column: string | null;
  readonly identity: boolean | null;
}

export interface ViewFacts extends Owned {
  readonly form: 'v' | 'm';
  readonly options: readonly string[] | null;
  readonly definition: string;
  /** Of single columns. */
  readonly columnRights: Readonly<Record<string, readonly string[]>> | null;
}

export interface TriggerFacts extends PartFacts {
  readonly definition: string;
  readonly enabled: 'O' | 'D' | 'R' | 'A';
}

export type RuleFacts = TriggerFacts;

export interface StatisticsFacts extends PartFacts {
  readonly definition: string;
  readonly target: number | null;
}

export interface PublicationFacts {
  /** Null where the whole schema is published. */
  readonly table: string | null;
  readonly publication: string;
  readonly where: string | null;
  readonly columns: readonly string[] | null;
}

export interface PolicyFacts extends PartFacts {
  readonly command: 'r' | 'a' | 'w' | 'd' | '*';
  readonly permissive: boolean;
  readonly using: string | null;
  readonly check: string | null;
  readonly roles: readonly string[];
}

export interface FunctionFacts extends Owned {
  readonly form: 'f' | 'p' | 'a' | 'w';
  readonly returns: string | null;
  readonly definition: string | null;
}

export interface TypeFacts extends Owned {
  readonly form: 'e' | 'd' | 'c' | 'r';
  readonly labels: readonly string[] | null;
  readonly base: string | null;
  readonly default: string | null;
  readonly notNull: boolean;
  readonly checks: readonly string[] | null;
  readonly fields: readonly string[] | null;
}

/** What is known of each kind of object. Names in it are quoted where SQL needs that. */
export interface FactsByKind {
  readonly role: RoleFacts;
  readonly schema: Owned;
  /** Only those that its role cannot use. */
  readonly 'shared schema': { readonly exists: boolean; readonly ownRole: boolean };
  readonly 'default privileges': Pick<Owned, 'acl'>;
  readonly type: TypeFacts;
  readonly sequence: SequenceFacts;
  readonly function: FunctionFacts;
  readonly table: TableFacts;
  readonly column: ColumnFacts;
  /** Only those that were added NOT VALID. */
  readonly 'not null': PartFacts & { readonly column: string };
  readonly constraint: ConstraintFacts;
  readonly index: IndexFacts;
  readonly view: ViewFacts;
  readonly trigger: TriggerFacts;
  readonly rule: RuleFacts;
  readonly statistics: StatisticsFacts;
  readonly publication: PublicationFacts;
  /** Of a kind that is only named. */
  readonly other: { readonly type: string; readonly identity: string };
  /** Only where it is switched off. */
  readonly enforcement: Pick<PartFacts, 'table'>;
  readonly policy: PolicyFacts;
}

export type ObjectKind = keyof FactsByKind;

/** One object of a schema, as `pg_catalog` has it. */
export interface SchemaObject<K extends ObjectKind = ObjectKind> {
  readonly kind: K;
  /** Its name, without the schema's. */
  readonly object: string;
  readonly facts: FactsByKind[K];
}

/** All objects of one schema, to look up by kind and name. */
export class SchemaObjects {
  readonly #byKind = new Map<ObjectKind, Map<string, SchemaObject>>();

  constructor(objects: readonly SchemaObject[]) {
    for (const object of objects) {
      const ofKind = this.#byKind.get(object.kind) ?? new Map<string, SchemaObject>();
      this.#byKind.set(object.kind, ofKind.set(object.object, object));
    }
  }

  get<K extends ObjectKind>(kind: K, object: string): FactsByKind[K] | undefined {
    return this.#byKind.get(kind)?.get(object)?.facts as FactsByKind[K] | undefined;
  }

  all<K extends ObjectKind>(kind: K): readonly SchemaObject<K>[] {
    return [...(this.#byKind.get(kind)?.values() ?? [])] as SchemaObject<K>[];
  }
}
