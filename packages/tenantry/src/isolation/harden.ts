import type pg from 'pg';
import { quoteIdentifier } from '../postgres/quote.js';

const stillOpen = `
  select i from (values
    (0, exists (select from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
         where pg_proc.oid = 'pg_catalog.set_config(text,text,boolean)'::regprocedure and a.grantee = 0)),
    (1, exists (select from pg_language, aclexplode(coalesce(lanacl, acldefault('l', lanowner))) a
         where lanname = 'plpgsql' and a.grantee = 0)),
    (2, exists (select from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a
         where datname = current_database() and a.grantee = 0 and a.privilege_type = 'TEMPORARY')),
    (3, exists (select from pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
         where nspname = 'public' and a.grantee = 0 and a.privilege_type = 'CREATE'))
  ) as checks (i, is_open) where is_open order by i`;

/**
 * Takes from PUBLIC what one injected statement would need to leave its scope: `set_config` and `do` switch the role
 * inside a single statement, a temporary table stays on the pooled connection.
 *
 * @param owner - A connection of the owner role.
 * @returns What this owner may not take away, as SQL for somebody who may; empty when all is closed.
 */
export async function harden(owner: pg.ClientBase, database: string, serviceRole: string): Promise<readonly string[]> {
  const setConfig = 'function pg_catalog.set_config(text, text, boolean)';
  const revocations = [
    `revoke execute on ${setConfig} from public`,
    'revoke usage on language plpgsql from public',
    `revoke temporary on database ${quoteIdentifier(database)} from public`,
    'revoke create on schema public from public',
  ];
  const open = await openItems(owner);
  if (open.length === 0) return [];
  await owner.query(`grant execute on ${setConfig} to ${quoteIdentifier(serviceRole)}, current_user`);
  for (const item of open) await owner.query(revocations[item] ?? '');
  return (await openItems(owner)).map((item) => revocations[item] ?? '');
}

async function openItems(owner: pg.ClientBase): Promise<number[]> {
  const { rows } = await owner.query<{ i: number }>(stillOpen);
  return rows.map(({ i }) => i);
}
