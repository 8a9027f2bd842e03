import { expect } from 'vitest';
import type { FleetShop } from './fleet-shop.js';

/** Statements whose every run leaves a row: the table `item` counts how often each migration was run. */
export function counted(name: string): string[] {
  return [
    `alter table item add column "${name}" int`,
    `insert into item (id, name) select max(id) + 1, '${name}' from item`,
  ];
}

/** Expects that in every tenant each of these migrations ran once, in the ledger and in its effects. */
export async function expectOnce(shop: FleetShop, migrations: readonly string[]): Promise<void> {
  const once = Object.fromEntries(migrations.map((name) => [name, 1]));
  for (const tenant of shop.tenants) {
    const rows = await shop.sql<{ effects: object; ledger: object }>(
      `select (select coalesce(json_object_agg(name, n), '{}') from (select name, count(*)::int as n from "${tenant}_shop".item where name <> 'first' group by name) e) as effects,
              (select coalesce(json_object_agg(migration, n), '{}') from (select migration, count(*)::int as n from tenantry.ledger
                 where schema_name = $1 and migration <> '000001-item' group by migration) l) as ledger`,
      [`${tenant}_shop`],
    );
    expect({ tenant, ...rows[0] }).toEqual({ tenant, effects: once, ledger: once });
  }
}
