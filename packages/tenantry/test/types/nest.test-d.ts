// Compiled, never run: `npm run types` fails when one of these lines compiles that must not, or the other way round.
import type { DynamicModule, Type } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { expectTypeOf, test } from 'vitest';
import type { FastifyRequest } from 'fastify';
import type { Tenant } from 'tenantry';
import {
  allOf,
  CatalogScope,
  CurrentTenant,
  firstOf,
  fromClaim,
  fromHeader,
  fromPath,
  fromRequest,
  fromSubdomain,
  type ResolvableRequest,
  TenancyModule,
  type TenancyModuleOptions,
  type TenantResolver,
} from 'tenantry/nest';

const url = 'postgres://localhost/app';
const key = new Uint8Array(32);

class Settings {
  readonly url = url;
}

test('a resolver answers a text, nothing, or a promise of them', () => {
  expectTypeOf<TenantResolver['resolve']>().returns.toEqualTypeOf<string | undefined | Promise<string | undefined>>();
  void fromRequest(() => undefined, 'nothing');
  void fromRequest(async ({ headers }) => headers.host, 'a host');
  // @ts-expect-error: a number is no id.
  void fromRequest(() => 42, 'a number');
  // @ts-expect-error: null neither: "no tenant" is undefined.
  void fromRequest(() => null, 'nothing');
  // @ts-expect-error: what a request has to carry must be said.
  void fromRequest(() => 'acme');
});

test('a resolver sees the headers and the address of any HTTP request', () => {
  expectTypeOf<FastifyRequest['raw']>().toExtend<{ headers: ResolvableRequest['headers'] }>();
  expectTypeOf<Pick<IncomingMessage, 'headers'> & { url: string }>().toExtend<ResolvableRequest>();
  // @ts-expect-error: it only reads.
  void fromRequest((request) => (request.url = '/'), 'nothing');
});

test('all resolvers fit together', () => {
  const claim = fromClaim({ key, algorithms: ['HS256'] });
  for (const resolver of [
    fromHeader(),
    fromSubdomain('example.com'),
    fromPath('/:tenant'),
    claim,
    firstOf(claim, fromHeader()),
    allOf(claim),
  ]) {
    expectTypeOf(resolver).toEqualTypeOf<TenantResolver>();
  }
  // @ts-expect-error: without algorithms a token could choose its own.
  void fromClaim({ key });
  // @ts-expect-error: a text is no key.
  void fromClaim({ key: 'secret', algorithms: ['HS256'] });
  // @ts-expect-error: a function alone does not say what it expects.
  void firstOf(() => 'acme');
});

test('the module takes the options of Tenancy and a resolver', () => {
  expectTypeOf(TenancyModule.forRoot({ url, resolver: fromHeader() })).toEqualTypeOf<DynamicModule>();
  // @ts-expect-error: an option that there is not.
  void TenancyModule.forRoot({ url, resolvers: [fromHeader()] });
  // @ts-expect-error: a resolver by name.
  void ({ url, resolver: 'header' } satisfies TenancyModuleOptions);
});

test('a factory takes what it injects, and answers options now or later', () => {
  void TenancyModule.forRootAsync({ inject: [Settings], useFactory: (settings: Settings) => ({ url: settings.url }) });
  void TenancyModule.forRootAsync({ useFactory: async () => ({ url }) });
  // @ts-expect-error: the answer lacks the URL.
  void TenancyModule.forRootAsync({ useFactory: () => ({ service: 'shop' }) });
});

test('the decorators go where they belong', () => {
  expectTypeOf(CatalogScope()).toExtend<ClassDecorator & MethodDecorator>();
  expectTypeOf(CurrentTenant()).toExtend<ParameterDecorator>();

  @CatalogScope()
  class Platform {
    @CatalogScope()
    route(@CurrentTenant() tenant: Tenant): Tenant {
      return tenant;
    }

    // @ts-expect-error: a property is no route.
    @CatalogScope()
    property = 1;
  }
  expectTypeOf(Platform).toExtend<Type>();
});
