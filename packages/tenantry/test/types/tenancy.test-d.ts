// Compiled, never run: `npm run types` fails when one of these lines compiles that must not, or the other way round.
import { expectTypeOf, test } from 'vitest';
import {
  type Adoption,
  type ErrorFields,
  type Fleet,
  parseTenantId,
  type Placement,
  type RoleName,
  type SchemaName,
  type Scope,
  type ServiceName,
  type Tenancy,
  TenancyError,
  type TenancyErrorCode,
  type TenantCopies,
  type TenantEvents,
  type TenantId,
  type TenantScope,
  type Tenants,
  type TenantStatus,
} from 'tenantry';
import type * as tenantry from 'tenantry';

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

test('an error is made with every fact that its sentences ask for', () => {
  expectTypeOf<ErrorFields<'TENANCY_TENANT_STATUS'>>().toExtend<{ tenant: string | number; rule: string | number }>();
  void new TenancyError('TENANCY_TENANT_STATUS', { tenant: 'acme', rule: 'is suspended' });
  // @ts-expect-error: the sentence for the operator names the tenant.
  void new TenancyError('TENANCY_TENANT_STATUS', { rule: 'is suspended' });
  // @ts-expect-error: the sentence for the caller says what is the rule.
  void new TenancyError('TENANCY_TENANT_STATUS', { tenant: 'acme' });
  // @ts-expect-error: a typing error leaves the right one out.
  void new TenancyError('TENANCY_TENANT_UNKNOWN', { tennant: 'acme' });
  // @ts-expect-error: what may be undefined may be forgotten.
  void new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: undefined as string | undefined });
  // @ts-expect-error: nobody knows what is in there.
  void new TenancyError('TENANCY_TENANT_UNKNOWN', {} as Record<string, string>);
  // @ts-expect-error: without any.
  void new TenancyError('TENANCY_TENANT_UNKNOWN');
  // More than they ask for may be worth knowing.
  void new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: 'acme', service: 'shop' });
  // Sentences that ask for nothing.
  void new TenancyError('TENANCY_TENANT_AMBIGUOUS');
  void new TenancyError('TENANCY_TENANT_AMBIGUOUS', {}, { cause: new Error('why') });
  const either = Math.random() > 0.5 ? 'TENANCY_TENANT_UNKNOWN' : 'TENANCY_TENANT_STATUS';
  void new TenancyError(either, { tenant: 'acme', rule: 'is suspended' });
  // @ts-expect-error: one of two asks for a rule.
  void new TenancyError(either, { tenant: 'acme' });
});

test('an error that is caught is any of them', () => {
  const caught: unknown = new Error('why');
  if (!(caught instanceof TenancyError)) return;
  expectTypeOf(caught.code).toEqualTypeOf<TenancyErrorCode>();
  expectTypeOf(caught.fields).toEqualTypeOf<ErrorFields>();
  expectTypeOf(caught.fields['tenant']).toEqualTypeOf<string | number | undefined>();
  expectTypeOf(caught).toExtend<TenancyError>();
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

test('nobody makes the services that a Tenancy hands out', () => {
  expectTypeOf<Tenancy['tenants']>().toEqualTypeOf<Tenants>();
  expectTypeOf<Tenancy['events']>().toEqualTypeOf<TenantEvents>();
  expectTypeOf<Tenancy['fleet']>().toEqualTypeOf<Fleet>();
  expectTypeOf<Tenancy['copies']>().toEqualTypeOf<TenantCopies>();
  expectTypeOf<Tenancy['adoption']>().returns.toEqualTypeOf<Promise<Adoption>>();
  expectTypeOf<typeof tenantry>().not.toHaveProperty('Tenants');
  expectTypeOf<typeof tenantry>().not.toHaveProperty('TenantEvents');
  expectTypeOf<typeof tenantry>().not.toHaveProperty('Fleet');
  expectTypeOf<typeof tenantry>().not.toHaveProperty('TenantCopies');
  expectTypeOf<typeof tenantry>().not.toHaveProperty('Adoption');
});
