import type { RelationFacts } from './relation.js';

/** Why an adoption cannot begin. */
export interface AdoptionProblem {
  /** A constant word for machines. */
  readonly problem: string;
  /** The shared table. */
  readonly table: string | null;
  /** For the operator: what is there, and what to change. */
  readonly words: string;
}

/** What is there: the shared tables, the one with the tenants, and the tenant tables at the service's head. */
export interface AdoptionGround {
  readonly source: readonly RelationFacts[];
  readonly tenants: RelationFacts | undefined;
  /** As they are in a tenant schema. */
  readonly target: readonly RelationFacts[];
  readonly targetSchema: string;
  /** Schemas that tenants share. */
  readonly sharedSchemas: readonly string[];
  /** This role may write functions, with which changes are captured. */
  readonly mayWriteFunctions: boolean;
}

/** Notes a problem. */
export type Complain = (problem: string, table: string | null, words: string) => undefined;
