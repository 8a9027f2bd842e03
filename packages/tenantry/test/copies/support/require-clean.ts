import { expect } from 'vitest';
import type { Tenancy } from '../../../src/tenancy.js';
import type { CopyShop } from './copy-shop.js';

/**
 * Expects that schemas are what a migration of a new tenant makes, rights included, and that nothing in them depends on, or
 * names, another tenant's schema.
 */
export async function requireClean(shop: CopyShop, tenancy: Tenancy, ids: readonly string[]): Promise<void> {
  const report = await tenancy.fleet.drift({ tenants: ids });
  expect({ drifted: report.drifted, missing: report.missing }).toEqual({ drifted: [], missing: [] });
  expect(report).toMatchObject({ clean: true, checked: ids.length });
  for (const id of ids) {
    const foreign = await shop.sql(
      `with schema as (select oid from pg_namespace where nspname = $1),
            object as (select classid, objid from pg_depend where refclassid = 'pg_namespace'::regclass and refobjid = (select oid from schema)),
            other as (select classid, objid from pg_depend where refclassid = 'pg_namespace'::regclass
                        and refobjid in (select oid from pg_namespace where nspname like '%\\_shop' and nspname <> $1))
       select d.* from pg_depend d join object on (object.classid, object.objid) = (d.classid, d.objid) join other on (other.classid, other.objid) = (d.refclassid, d.refobjid)`,
      [`${id}_shop`],
    );
    expect(foreign).toEqual([]);
  }
}
