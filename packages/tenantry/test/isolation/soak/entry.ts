import { defineEntity, p } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { soakSchema } from './texts.js';

/** A row that says by its token who wrote it, and in which operation. */
export const Entry = defineEntity({
  name: 'Entry',
  tableName: 'entry',
  schema: '*',
  properties: { id: p.integer().primary().autoincrement(), token: p.text() },
});

/** Makes the tables and routines of a tenant. */
export class EntryMigration extends Migration {
  override up(): void {
    for (const sql of soakSchema) this.addSql(sql);
  }
}
