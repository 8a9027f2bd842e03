import type { DriftDifference } from '../drift-report.js';
import { placeholders } from '../placeholders.js';
import type { FactsByKind, ObjectKind, SchemaObjects } from '../schema-object.js';

/** A difference before it is told of one tenant: placeholders stand for the schema and the roles. */
export interface Finding {
  readonly problem: DriftDifference['problem'];
  readonly words: string;
  /** Statements without their semicolons; `null` where only a person can decide. */
  readonly repair: readonly string[] | null;
  readonly destructive?: boolean;
}

/** Both sides, for what lies outside one object. */
export interface Sides {
  readonly expected: SchemaObjects;
  readonly actual: SchemaObjects;
  /** PostgreSQL's `server_version_num`. */
  readonly serverVersion: number;
}

/** What differences of one kind of object mean, and how they are repaired. Pure. */
export interface Explainer<K extends ObjectKind> {
  /** Empty where the object comes along with another one that is missing too. */
  missing(object: string, expected: FactsByKind[K], sides: Sides): readonly Finding[];
  unknown(object: string, actual: FactsByKind[K], sides: Sides): readonly Finding[];
  changed(object: string, expected: FactsByKind[K], actual: FactsByKind[K], sides: Sides): readonly Finding[];
}

/** A name in the tenant's schema, for SQL. */
export function qualified(name: string): string {
  return `${placeholders.schema}.${name}`;
}

export function missing(noun: string, repair: readonly string[] | null): Finding {
  return { problem: 'missing', words: `${noun} is missing.`, repair };
}

/** Something that no migration made; whoever did may need it. */
export function unknown(noun: string, repair: readonly string[] | null): Finding {
  return { problem: 'unknown', words: `${noun} is there, but no migration makes it.`, repair, destructive: true };
}

export function different(words: string, repair: readonly string[] | null, destructive = false): Finding {
  return { problem: 'different', words, repair, destructive };
}

/** How something is kept: nothing that is read or written depends on it. */
export function kept(words: string, repair: readonly string[]): Finding {
  return { problem: 'settings', words, repair };
}

/** The text with a capital first letter, as the beginning of a sentence. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Whether two facts are the same; they are JSON with sorted keys. */
export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
