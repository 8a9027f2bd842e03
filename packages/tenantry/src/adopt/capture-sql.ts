import { quoteIdentifier as q, quoteLiteral } from '../postgres/quote.js';
import { descendantsOf, type Layout, type Part, partAt } from './layout.js';
import { keyOf, sourceTable, tenantOf, tenantTable, withTenant } from './part-sql.js';

/** The adoption's own writes must not be captured as changes; its transactions set this. */
const unlessAdopting = "when (pg_catalog.current_setting('tenantry.adopting', true) is distinct from 'on')";
const header = "security definer set search_path = '' set timezone = 'UTC' set row_security = off";

// PostgreSQL fires triggers in the order of their names. `zz` comes last, so these see the row as the other triggers
// left it.
const captures = ['zz_tenantry_capture', 'zz_tenantry_capture_delete', 'zz_tenantry_truncate'] as const;
const closed = 'zz_tenantry_closed';
const [back, backTruncate] = ['zz_tenantry_back', 'zz_tenantry_back_truncate'];

const functionOf = (adoption: number, part: Part) => `tenantry.adopt_${adoption}_${part.number}`;
const backFunctionOf = (adoption: number, part: Part) => `tenantry.adopt_back_${adoption}_${part.number}`;

/**
 * Statements that record every change of a shared table from now on, by the key of the row and the tenants that it may be
 * in. A delete is recorded before it happens: a cascade would have taken the row that knows the tenant. Pure.
 */
export function captureShared(adoption: number, layout: Layout, part: Part): string[] {
  const [name, table] = [functionOf(adoption, part), sourceTable(part)];
  const [change, remove, truncate] = captures;
  const refuse = (words: string) => `execute function tenantry.adoption_refuse(${quoteLiteral(words)})`;
  const shown = part.table;
  return [
    `create function ${name}() returns trigger language plpgsql ${header} as ${quoteLiteral(captureBody(adoption, layout, part))}`,
    `create trigger ${change} after insert or update on ${table} for each row ${unlessAdopting} execute function ${name}()`,
    `create trigger ${remove} before delete on ${table} for each row ${unlessAdopting} execute function ${name}()`,
    `create trigger ${truncate} before truncate on ${table} for each statement ${refuse(`The table ${shown} is being adopted into tenant schemas, so it cannot be truncated; delete its rows.`)}`,
    `create trigger ${closed} before insert or update or delete or truncate on ${table} for each statement ${unlessAdopting} ${refuse(`The rows of ${shown} live in tenant schemas now: it takes no changes any more.`)}`,
    `alter table ${table} disable trigger ${closed}`,
  ];
}

function captureBody(adoption: number, layout: Layout, part: Part): string {
  const insert = 'insert into tenantry.adoption_change (adoption_id, part, source_id, key)';
  const moved = descendantsOf(layout, part).map((child) => {
    const at = child.path.findIndex((step) => step.part === part.number) + 1;
    const same = part.key.map(({ from }) => `s${at}.${q(from)} = new.${q(from)}`);
    return `${insert} select ${adoption}, ${child.number}, t, ${keyOf(child, 's0')}
      from ${withTenant(layout, child, { steps: at })}, pg_catalog.unnest(before || after) t where ${same.join(' and ')};`;
  });
  return `
declare
  before text[] := '{}';
  after text[] := '{}';
begin
  if tg_op <> 'INSERT' then before := ${tenantsOf(adoption, layout, part, 'old')}; end if;
  if tg_op <> 'DELETE' then after := ${tenantsOf(adoption, layout, part, 'new')}; end if;
  if after = '{}' then after := array[null::text]; end if;
  ${insert}
    select ${adoption}, ${part.number}, t, ${keyOf(part, 'old')} from pg_catalog.unnest(before) t where tg_op <> 'INSERT'
    union select ${adoption}, ${part.number}, t, ${keyOf(part, 'new')} from pg_catalog.unnest(after) t where tg_op <> 'DELETE';
  ${moved.length > 0 ? `if tg_op = 'UPDATE' and before is distinct from after then ${moved.join('\n')} end if;` : ''}
  if tg_op = 'DELETE' then return old; end if;
  return new;
end`;
}

/**
 * The tenants that a row may be in: its own, and those that its parent was in before a move that is not carried over
 * yet.
 */
function tenantsOf(adoption: number, layout: Layout, part: Part, row: 'old' | 'new'): string {
  const [step] = part.path;
  if (!step) return `array[${row}.${q(part.tenantColumn)}::text]`;
  const parent = partAt(layout.parts, step.part);
  const same = step.columns.map((column, at) => `s0.${q(step.toColumns[at] ?? '')} = ${row}.${q(column)}`);
  const key = parent.key.map(({ from }) => `${row}.${q(step.columns[step.toColumns.indexOf(from)] ?? '')}`);
  return `array(select ${tenantOf(parent)}::text from ${withTenant(layout, parent)} where ${same.join(' and ')}
    union select c.source_id from tenantry.adoption_change c where c.adoption_id = ${adoption} and c.part = ${parent.number}
       and c.key = pg_catalog.jsonb_build_array(${key.join(', ')}) and not c.back)`;
}

/** The function that refuses a statement with the sentence that its trigger gives. Pure. */
export const refuseFunction = () =>
  `create or replace function tenantry.adoption_refuse() returns trigger language plpgsql set search_path = '' as ${quoteLiteral(`
begin
  raise exception using errcode = 'object_not_in_prerequisite_state', message = tg_argv[0];
end`)}`;

/** Statements that open or close a shared table for everybody else. Pure. */
export const closeShared = (part: Part) => `alter table ${sourceTable(part)} enable trigger ${closed}`;
export const openShared = (part: Part) => `alter table ${sourceTable(part)} disable trigger ${closed}`;

/** Statements that end the capture of a shared table. Pure. @param keepClosed - It goes on to refuse changes. */
export function endCapture(adoption: number, part: Part, keepClosed: boolean): string[] {
  const names = keepClosed ? captures : [...captures, closed];
  return [
    ...names.map((name) => `drop trigger if exists ${name} on ${sourceTable(part)}`),
    `drop function if exists ${functionOf(adoption, part)}()`,
  ];
}

/** The function with which a tenant table records its changes, once per shared table. Pure. */
export function backFunction(adoption: number, part: Part): string {
  const body = `
begin
  perform from tenantry.adoption where id = ${adoption} and status in ('cutover', 'finishing') for share;
  if not found then
    raise exception using errcode = 'object_not_in_prerequisite_state', message = 'The rows of this tenant live in the shared tables: its schema takes no changes until the cutover.';
  end if;
  insert into tenantry.adoption_change (adoption_id, part, source_id, key, back)
    select ${adoption}, ${part.number}, tg_argv[0], ${keyOf(part, 'old', 'to')}, true where tg_op <> 'INSERT'
    union select ${adoption}, ${part.number}, tg_argv[0], ${keyOf(part, 'new', 'to')}, true where tg_op <> 'DELETE';
  return null;
end`;
  return `create or replace function ${backFunctionOf(adoption, part)}() returns trigger language plpgsql ${header} as ${quoteLiteral(body)}`;
}

/** Statements that make a tenant table record its changes. Pure. */
export function captureTenant(adoption: number, part: Part, schema: string, sourceId: string): string[] {
  const table = tenantTable(part, schema);
  return [
    `create or replace trigger ${back} after insert or update or delete on ${table} for each row ${unlessAdopting} execute function ${backFunctionOf(adoption, part)}(${quoteLiteral(sourceId)})`,
    `create or replace trigger ${backTruncate} before truncate on ${table} for each statement execute function tenantry.adoption_refuse('The adoption is not finished, so it cannot be truncated; delete its rows.')`,
  ];
}

/** Statements that end it. Pure. */
export function releaseTenant(part: Part, schema: string): string[] {
  const table = tenantTable(part, schema);
  return [back, backTruncate].map((name) => `drop trigger if exists ${name} on ${table}`);
}

export const dropBackFunction = (adoption: number, part: Part) =>
  `drop function if exists ${backFunctionOf(adoption, part)}()`;
