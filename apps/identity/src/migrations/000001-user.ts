import { Migration } from '@mikro-orm/migrations';

export class UserMigration extends Migration {
  override up(): void {
    this.addSql(`create table "user" (
      "id" uuid not null,
      "full_name" varchar(200) not null,
      "created_at" timestamptz not null,
      "updated_at" timestamptz not null,
      "deleted_at" timestamptz null,
      constraint "user_pkey" primary key ("id")
    )`);
  }

  override down(): void {
    this.addSql('drop table "user"');
  }
}
