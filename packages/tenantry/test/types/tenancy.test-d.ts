// Compiled, never run: `npm run types` fails when one of these lines compiles that must not, or the other way round.
import { expectTypeOf, test } from 'vitest';
import {
  parseTenantId,
  type Placement,
  type RoleName,
  type SchemaName,
  type Scope,
  type ServiceName,
  type Tenancy,
  TenancyError,
  type TenancyErrorCode,
  type TenantId,
  type TenantScope,
  type TenantStatus,
} from 'tenantry';

declare const tenancy: Tenancy;
declare const scope: Scope;

test('a plain text is no id and no name of a schema, role or service', () => {
  expectTypeOf<string>().not.toExtend<TenantId>();
  expectTypeOf<string>().not.toExtend<SchemaName>();
  expectTypeOf<string>().not.toExtend<ServiceName>();
  expectTypeOf<'acme'>().not.toExtend<TenantId>();
  expectTypeOf<TenantId>().not.toExtend<SchemaName>();
  expectTypeOf<ServiceName>().not.toExtend<TenantId>();
  expectTypeOf<TenantId>().toExtend<string>();
  expectTypeOf<RoleName>().toEqualTypeOf<SchemaName>();
  expectTypeOf(parseTenantId('acme')).toEqualTypeOf<TenantId>();
  // @ts-expect-error: only a parsed id finds a tenant.
  void tenancy.catalog.find('acme');
});

test('run() answers what its function answers, whether that waits or not', () => {
  expectTypeOf(tenancy.run('acme', () => 1)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(tenancy.run('acme', async () => ({ a: 'b' }))).toEqualTypeOf<Promise<{ a: string }>>();
  expectTypeOf(tenancy.runInCatalog(() => undefined)).toEqualTypeOf<Promise<undefined>>();
  expectTypeOf(tenancy.runInCatalog(async (): Promise<never[]> => [])).toEqualTypeOf<Promise<never[]>>();
  // @ts-expect-error: a tenant comes first.
  void tenancy.run(() => 1);
});

test('bind() answers a function of the same shape', () => {
  expectTypeOf(tenancy.bind((name: string, count?: number) => name.length + (count ?? 0))).toEqualTypeOf<
    (this: unknown, name: string, count?: number) => number
  >();
  expectTypeOf(tenancy.bind(async () => 'a')).returns.toEqualTypeOf<Promise<string>>();
  // @ts-expect-error: its parameters stay what they are.
  void tenancy.bind((name: string) => name)(1);
  // @ts-expect-error: only a function can be called later.
  void tenancy.bind('fn');
});

test('a scope has a tenant only where its kind says so', () => {
  // @ts-expect-error: not known yet.
  void scope.tenant;
  if (scope.kind === 'tenant') {
    expectTypeOf(scope).toEqualTypeOf<TenantScope>();
    expectTypeOf(scope.placement).toEqualTypeOf<Placement>();
  } else {
    expectTypeOf(scope.kind).toEqualTypeOf<'catalog'>();
    // @ts-expect-error: the catalog has none.
    void scope.tenant;
  }
  expectTypeOf(tenancy.current()).toEqualTypeOf<Scope | undefined>();
  expectTypeOf(tenancy.require()).toEqualTypeOf<TenantScope>();
});

test('what describes a tenant cannot be changed in place', () => {
  const { tenant } = tenancy.require();
  // @ts-expect-error: an id is immutable.
  tenant.id = parseTenantId('other');
  // @ts-expect-error: a status changes in the catalog.
  tenant.status = 'suspended';
  expectTypeOf(tenancy.require().tenant.status).toEqualTypeOf<TenantStatus>();
  // @ts-expect-error: there is no such status.
  void tenancy.catalog.setStatus('acme', 'paused');
});

test('an error has a code of the table', () => {
  const error = new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: 'acme' });
  expectTypeOf(error.code).toEqualTypeOf<TenancyErrorCode>();
  expectTypeOf(error.retryAfter).toEqualTypeOf<number | undefined>();
  // @ts-expect-error: there is no such code.
  void new TenancyError('TENANCY_OOPS');
  // @ts-expect-error: a fact is a text or a number.
  void new TenancyError('TENANCY_CONFLICT', { reason: new Error('why') });
});

test('nobody makes a Tenancy but Tenancy.start()', () => {
  expectTypeOf<typeof Tenancy.start>().returns.toEqualTypeOf<Promise<Tenancy>>();
  // @ts-expect-error: the constructor is private.
  void new (null as unknown as typeof Tenancy)({});
});

test('a Tenancy has nothing that only the glue of a framework needs', () => {
  expectTypeOf<Tenancy>().not.toHaveProperty('scopeOf');
  expectTypeOf<Tenancy>().not.toHaveProperty('knownScopeOf');
  expectTypeOf<Tenancy>().not.toHaveProperty('explain');
});
