import { Migration } from '@mikro-orm/migrations';

/** The tables of before without the column `company_id`. */
class Projects extends Migration {
  override up(): void {
    this.addSql('create table "project" ("id" serial primary key, "title" varchar(255) not null)');
    this.addSql(
      `create table "task" ("id" serial primary key, "project_id" int not null references "project" on delete cascade on update cascade,
         "text" varchar(255) not null, "done" boolean not null default false)`,
    );
  }
}

export const migrations = { '000001-projects': Projects };
