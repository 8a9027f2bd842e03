import type { MigrationKind } from '../tenant-migration.js';
import type { KnownTables } from './known-tables.js';

/** What a lint knows besides the statements. */
export interface LintContext {
  readonly kind: MigrationKind;
  /** It runs in every tenant schema; otherwise once per database. */
  readonly tenant: boolean;
  /** Schemas that a tenant migration may refer to. @default [] */
  readonly sharedSchemas?: readonly string[] | undefined;
  /** Tables that are large in at least one schema, with their rows there. Without it nothing is known of any table's size. */
  readonly largeTables?: ReadonlyMap<string, number> | undefined;
  /** What earlier migrations made: by it a change of a type is judged. @default nothing */
  readonly before?: KnownTables | undefined;
}

/** What a migration did to enums so far. */
export interface NewEnums {
  /** Made by it: their values may be used at once. */
  readonly made: ReadonlySet<string>;
  /** Values that it gave to enums which existed before. */
  readonly values: ReadonlySet<string>;
}

/** What a rule sees while it walks through a migration. */
export interface LintState {
  readonly context: LintContext;
  /** Tables that this migration made: nobody uses them yet, so nothing about them can wait or be long. */
  readonly created: ReadonlySet<string>;
  readonly known: KnownTables;
  /** Enums that this migration made, and values that it gave to others. */
  readonly enums: NewEnums;
}
