import type { LintLevel, LintRuleId } from './lint-rules.js';

/** What a rule has against one node of a statement; `level` where it is not the rule's own. */
export interface Complaint {
  readonly rule: LintRuleId;
  readonly message: string;
  readonly level?: LintLevel | undefined;
  /** The table that waits for an index. */
  readonly table?: string | undefined;
}

/** A {@link Complaint} as it is reported. */
export interface LintFinding {
  readonly rule: LintRuleId;
  readonly level: LintLevel;
  /** What is wrong, and what to do instead. */
  readonly message: string;
  /** Position of the statement in the migration, from 0. */
  readonly statement: number;
  readonly sql: string;
  /** The table, where the size of a table decides. */
  readonly table?: string;
}
