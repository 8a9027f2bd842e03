/**
 * `unsafe`: a promise does not hold. `weak`: it holds, but one mistake or one failure less is put up with. `note`: good to
 * know.
 */
export type Severity = 'unsafe' | 'weak' | 'note';

/** One setting that weakens a promise. */
export interface DoctorFinding {
  /** Stable. */
  readonly code: string;
  readonly severity: Severity;
  /** What is the case, and what it means. */
  readonly sentence: string;
  /** The option or setting to change, and to what. */
  readonly change: string;
}
