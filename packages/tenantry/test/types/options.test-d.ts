// Compiled, never run: `npm run types` fails when one of these lines compiles that must not, or the other way round.
import { Migration } from '@mikro-orm/migrations';
import type { Options } from '@mikro-orm/postgresql';
import { expectTypeOf, test } from 'vitest';
import type { MigrationList, Tenancy, TenancyLogger, TenancyOptions, TenantOrmOptions } from 'tenantry';

declare const tenancy: Tenancy;
const url = 'postgres://localhost/app';

class AddItem extends Migration {
  override up(): void {
    this.addSql('create table item (id int)');
  }
}

test('the URL is all that is required', () => {
  expectTypeOf({ url }).toExtend<TenancyOptions>();
  // @ts-expect-error: without it there is nothing to connect to.
  void ({ service: 'shop' } satisfies TenancyOptions);
});

test('an option that there is not is refused', () => {
  // @ts-expect-error: a typing error.
  void ({ url, conections: 5 } satisfies TenancyOptions);
  // @ts-expect-error: in a nested one too.
  void ({ url, cache: { maximum: 5 } } satisfies TenancyOptions);
  // @ts-expect-error: there is no third kind of isolation.
  void ({ url, isolation: 'none' } satisfies TenancyOptions);
  // @ts-expect-error: `true` listens to nothing in particular.
  void ({ url, listenUrl: true } satisfies TenancyOptions);
});

test('an option may be left undefined, as a configuration reads it from the environment', () => {
  expectTypeOf<{ url: string; ownerUrl: string | undefined; service: undefined }>().toExtend<TenancyOptions>();
});

test('console is a logger', () => {
  expectTypeOf<Console>().toExtend<TenancyLogger>();
});

test('migrations are classes of MikroORM, by name', () => {
  expectTypeOf({ '000001-item': AddItem }).toExtend<MigrationList>();
  // @ts-expect-error: an instance is no class.
  void ({ '000001-item': new AddItem(null as never, null as never) } satisfies MigrationList);
  // @ts-expect-error: neither is any other class.
  void ({ '000001-item': Date } satisfies MigrationList);
  // @ts-expect-error: a list has no names.
  void ([AddItem] satisfies MigrationList);
});

test('the ORM takes no option that leads around the gate', () => {
  expectTypeOf<TenantOrmOptions>().not.toHaveProperty('driver');
  expectTypeOf<TenantOrmOptions>().not.toHaveProperty('driverOptions');
  expectTypeOf<TenantOrmOptions>().not.toHaveProperty('clientUrl');
  expectTypeOf<TenantOrmOptions>().not.toHaveProperty('context');
  expectTypeOf(tenancy.orm({ entities: [] })).toExtend<Options>();
  // @ts-expect-error: the same as a call.
  void tenancy.orm({ entities: [], clientUrl: url });
});
