import { insideForm } from '../../migrations/outside-statement.js';
import type { CompiledMigration } from '../../migrations/tenant-migration.js';

/** Below this many statements a replay is fast enough: nothing is built. */
const replayedMin = 30;

/** A template is used when it has at most this share of the replay's statements. */
const shareMax = 0.7;

/** What the migrations run in a schema that nobody uses yet. Pure. */
export function replayStatements(migrations: readonly CompiledMigration[]): readonly string[] {
  return migrations.flatMap(({ kind, statements }) => (kind === 'outside' ? insideForm(statements) : statements));
}

/** Whether a template could be worth its making. Pure. */
export function isWorthBuilding(migrations: readonly CompiledMigration[]): boolean {
  return replayStatements(migrations).length >= replayedMin;
}

/** Why a template that was made is not used: it would not be faster. Pure. */
export function whyNotFaster(statements: number, migrations: readonly CompiledMigration[]): string | undefined {
  const replayed = replayStatements(migrations).length;
  if (statements <= replayed * shareMax) return undefined;
  return `it has ${statements} statements and a replay ${replayed}, so it would not be faster`;
}

const object =
  '(?:table|type|domain|sequence|(?:materialized )?view|function|procedure|routine|trigger|policy|index(?: concurrently)?)';
/** Statements whose effect is what they leave in the schema. */
const known = new RegExp(
  `^(?:create (?:unlogged table|unique index|(?:or replace )?(?:constraint )?${object}|or replace ${object})|alter ${object}|drop ${object}|comment on|insert|update|delete|merge|with|select)\\b`,
);
/** Rights on objects of the schema's own, whose names have no schema. */
const ownRights =
  /^(?:grant|revoke)\b[^.]* on (?!schema|database|all|language|large|parameter|tablespace|foreign|type public)[^.]*$/;

/**
 * Why a template cannot promise what these migrations leave behind; `undefined` when one may be built and proven. Pure.
 */
export function whyUnfit(
  migrations: readonly CompiledMigration[],
  sharedSchemas: readonly string[],
): string | undefined {
  const coded = migrations.find(({ kind }) => kind === 'code');
  if (coded) return `the migration ${coded.name} runs code, and only its run can tell what that does`;
  for (const { name, statements } of migrations) {
    for (const statement of statements) {
      const text = plain(statement);
      if (!known.test(text) && !ownRights.test(text))
        return `the migration ${name} has a statement that may do more than shape the schema: ${statement.slice(0, 60)}`;
      if (sharedSchemas.length > 0 && /^create (?:unlogged )?table\b.*[(,] ?like /.test(text))
        return `the migration ${name} makes a table like another one`;
    }
  }
  return undefined;
}

/** In lower case, without leading comments, with single spaces. */
function plain(statement: string): string {
  return statement
    .replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/, '')
    .replace(/\s+/g, ' ')
    .toLowerCase();
}

const momentary =
  /\bcurrent_\w+|\bnow\s*\(|\blocaltime(?:stamp)?\b|\b(?:clock|statement|transaction)_timestamp\s*\(|\btimeofday\s*\(|'(?:now|today|tomorrow|yesterday)'|\bage\s*\(|\bsession_user\b/i;

/**
 * Whether a text asks for the day or the login: two replays of one minute agree on that, a template and a tenant of next week do
 * not. Pure.
 */
export function isMomentary(text: string): boolean {
  return momentary.test(text);
}

/** Whether a statement changes rows. Pure. */
export function changesRows(statement: string): boolean {
  return /^(?:insert|update|delete|merge|with|select)\b/.test(plain(statement));
}
