import type pg from 'pg';
import { quoteLiteral } from '../../postgres/quote.js';
import type { Statement } from '../../postgres/one-flight.js';

/** What keeps rows from being put into tables as they are, in any order: how it is lifted, and how it comes back. */
export interface Hindrance {
  readonly lift: string;
  readonly restore: string;
  /** A comment that lifting loses. */
  readonly comment: string | null;
  /** As in a name for `comment on`. */
  readonly commented: string;
}

/**
 * Foreign keys inside the schema, triggers and rules that are switched on, policies that bind the owner. Foreign keys
 * to other schemas stay: the rows that they refer to must exist already. Needs an empty search path.
 */
export async function readHindrances(client: pg.ClientBase, schema: string): Promise<Hindrance[]> {
  const { rows } = await client.query<Hindrance>(
    `with rel as materialized (
       select c.oid, c.relkind, c.relrowsecurity and c.relforcerowsecurity as forced, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
         from pg_namespace n
         join pg_depend d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid and d.deptype = 'n' and d.classid = 'pg_class'::regclass
         join pg_class c on c.oid = d.objid
        where n.nspname = $1 and c.relkind in ('r', 'p')
     )
     select format('alter table %s drop constraint %I', r.name, conname) as lift,
            format('alter table %s add constraint %I %s', r.name, conname, pg_get_constraintdef(k.oid)) as restore,
            obj_description(k.oid, 'pg_constraint') as comment, format('constraint %I on %s', conname, r.name) as commented
       from rel r join pg_constraint k on k.conrelid = r.oid and k.contype = 'f' and k.conparentid = 0 join rel f on f.oid = k.confrelid
      union all
     select format('alter table %s disable trigger %I', r.name, tgname),
            format('alter table %s enable %s trigger %I', r.name, case tgenabled when 'R' then 'replica' when 'A' then 'always' else '' end, tgname), null, ''
       from rel r join pg_trigger on tgrelid = r.oid and not tgisinternal and tgenabled <> 'D' where relkind = 'r'
      union all
     select format('alter table %s disable rule %I', r.name, rulename),
            format('alter table %s enable %s rule %I', r.name, case ev_enabled when 'R' then 'replica' when 'A' then 'always' else '' end, rulename), null, ''
       from rel r join pg_rewrite on ev_class = r.oid and ev_enabled <> 'D' where relkind = 'r'
      union all
     select format('alter table %s no force row level security', name), format('alter table %s force row level security', name), null, ''
       from rel where forced`,
    [schema],
  );
  return rows;
}

/**
 * Lifts everything. Deferred triggers are run first, because PostgreSQL alters no table that still has some pending.
 * Pure.
 */
export function liftAll(hindrances: readonly Hindrance[]): Statement[] {
  return ['set constraints all immediate', ...hindrances.map(({ lift }) => lift)].map((text) => ({ text }));
}

/** Puts everything back, and so checks what was loaded. Pure. */
export function restoreAll(hindrances: readonly Hindrance[]): Statement[] {
  return [
    { text: 'set constraints all immediate' },
    ...hindrances.flatMap(({ restore, comment, commented }) => [
      { text: restore },
      ...(comment === null ? [] : [{ text: `comment on ${commented} is ${quoteLiteral(comment)}` }]),
    ]),
  ];
}
