import type { Subject } from './read-subjects.js';
import type { Reference } from './references.js';

/** A tenant schema and what it should be. */
export interface Compared {
  readonly subject: Subject;
  readonly reference: Reference;
  /** `undefined` when the database has no such schema. */
  readonly fingerprint: string | undefined;
}
