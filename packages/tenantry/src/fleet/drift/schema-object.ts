/** `role:privilege`, with a `*` where it may be granted on; sorted. */
export type Acl = readonly string[] | null;

export interface Owned {
  readonly owner: string | null;
  readonly acl: Acl;
}

export interface RoleFacts {
  readonly exists: boolean;
  /** What a tenant role never has: `login superuser`. */
  readonly attributes: string;
  /** Whether the login that serves may switch to it, and whether it has its rights without switching. */
  readonly granted: boolean | null;
  readonly inherited: boolean | null;
}

export interface TableFacts extends Owned {
  readonly form: 'r' | 'p' | 'f';
  readonly persistence: 'p' | 'u';
  readonly options: readonly string[] | null;
  readonly replicaIdentity: string;
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
  readonly acl: Acl;
}

export interface ConstraintFacts extends PartFacts {
  readonly type: 'p' | 'u' | 'x' | 'c' | 'f';
  readonly definition: string;
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
}

export interface TriggerFacts extends PartFacts {
  readonly definition: string;
  readonly enabled: 'O' | 'D' | 'R' | 'A';
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
