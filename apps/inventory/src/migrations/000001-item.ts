import { Migration } from '@mikro-orm/migrations';

/** Table names are unqualified: the schema is known when a tenant is provisioned. */
export class ItemMigration extends Migration {
  override up(): void {
    this.addSql(`create table "item" (
      "id" uuid not null,
      "name" varchar(200) not null,
      "created_at" timestamptz not null,
      "updated_at" timestamptz not null,
      constraint "item_pkey" primary key ("id")
    )`);
  }

  override down(): void {
    this.addSql('drop table "item"');
  }
}
