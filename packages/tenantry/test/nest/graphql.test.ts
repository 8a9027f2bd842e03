import { EntityManager } from '@mikro-orm/postgresql';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type DynamicModule, Inject, NotFoundException } from '@nestjs/common';
import {
  Args,
  Field,
  GraphQLModule,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { GraphQLError } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { CatalogScope } from '../../src/nest/catalog-scope.decorator.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@ObjectType()
class Thing {
  @Field()
  declare name: string;
}

@Resolver(() => Thing)
class ThingsResolver {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @Query(() => [Thing])
  async things(): Promise<Thing[]> {
    return (await this.em.find(Widget, {}, { orderBy: { id: 'asc' } })).map(({ name }) => ({ name }));
  }

  @ResolveField(() => String)
  async again(@Parent() { name }: Thing): Promise<string> {
    return (await this.em.findOneOrFail(Widget, { name })).name;
  }

  @Query(() => String)
  async role(): Promise<string> {
    return (await this.em.execute<{ role: string }[]>('select current_user as role'))[0]?.role ?? '';
  }

  @Mutation(() => String)
  async add(@Args('name') name: string): Promise<string> {
    this.em.create(Widget, { name });
    await this.em.flush();
    return name;
  }

  @CatalogScope()
  @Query(() => String)
  async platform(): Promise<string> {
    await this.em.execute('select count(*) from tenantry.tenant');
    return this.tenancy.current()?.kind ?? 'none';
  }

  @Query(() => String)
  secret(): never {
    throw new Error('the password is hunter2');
  }

  @Query(() => String)
  nothing(): never {
    throw new NotFoundException('There is no such thing.');
  }

  @Query(() => String)
  own(): never {
    throw new GraphQLError('As the service says.', { extensions: { code: 'ITS_OWN' } });
  }
}

interface Answer {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions?: Record<string, unknown> }[];
}

const mercurius: MercuriusDriverConfig = { driver: MercuriusDriver, autoSchemaFile: true };
const apollo: ApolloDriverConfig = { driver: ApolloDriver, autoSchemaFile: true };
const servers: [string, DynamicModule, FastifyAdapter][] = [
  ['Mercurius', GraphQLModule.forRoot(mercurius), new FastifyAdapter()],
  ['Apollo, on Fastify', GraphQLModule.forRoot(apollo), new FastifyAdapter()],
  ['Apollo, on Express', GraphQLModule.forRoot(apollo), new ExpressAdapter() as never],
];

describe.each(servers)('%s', (_, graphql, adapter) => {
  let shop: NestShop;
  beforeAll(async () => {
    shop = await openNestShop({ imports: [graphql], providers: [ThingsResolver], adapter });
  });
  afterAll(() => shop.close());

  async function ask(query: string, tenant?: string): Promise<Answer> {
    const response = await fetch(`${shop.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(tenant !== undefined && { 'x-client': tenant }) },
      body: JSON.stringify({ query }),
    });
    return (await response.json()) as Answer;
  }

  it('runs queries, mutations and resolvers of fields in the scope of the request’s tenant', async () => {
    const asked = Array.from({ length: 20 }, (__, n) => shop.tenants[n % 2 === 0 ? 0 : 1]);
    const answers = await Promise.all(
      asked.map((tenant) => ask('{ things { name again } role other: things { name } }', tenant)),
    );
    const expected = (name: string) => ({
      data: { things: [{ name, again: name }], role: `${name}_shop`, other: [{ name }] },
    });
    expect(answers).toEqual(asked.map(expected));
    const [first, second] = shop.tenants;
    expect(await ask('mutation { add(name: "added") }', first)).toEqual({ data: { add: 'added' } });
    expect(await ask('{ things { name } }', second)).toEqual({ data: { things: [{ name: second }] } });
    await shop.database.admin.query(`delete from "${first}_shop".widget where name = 'added'`);
  });

  it('runs nothing for a request without a tenant, and says which one is missing', async () => {
    for (const query of ['{ things { name } }', '{ role }']) {
      const { data, errors } = await ask(query);
      expect(data ?? null).toBeNull();
      expect(errors).toMatchObject([
        {
          message: expect.stringMatching(/names no tenant/),
          extensions: { code: 'TENANCY_TENANT_MISSING', status: 401 },
        },
      ]);
    }
    const { errors } = await ask('{ role }', 'unknown');
    expect(errors).toMatchObject([{ extensions: { code: 'TENANCY_TENANT_UNKNOWN', status: 404 } }]);
  });

  it('runs a resolver of the catalog in the catalog scope, with a tenant or without', async () => {
    expect(await ask('{ platform }')).toEqual({ data: { platform: 'catalog' } });
    expect(await ask('{ platform }', shop.tenants[0])).toEqual({ data: { platform: 'catalog' } });
  });

  it('refuses the catalog to an operation that has a tenant, and a tenant to one that has the catalog', async () => {
    const [tenant] = shop.tenants;
    for (const query of ['{ role platform }', '{ platform role }']) {
      const { errors } = await ask(query, tenant);
      expect(errors).toMatchObject([{ extensions: { code: 'TENANCY_SCOPE_BOUND' } }]);
    }
  });

  it('tells a caller no more than over HTTP', async () => {
    const [tenant] = shop.tenants;
    const messages = async (query: string) =>
      (await ask(query, tenant)).errors?.map(({ message, extensions }) => [message, extensions?.['code']]);
    expect(await messages('{ secret }')).toEqual([
      ['The service could not answer this request; its log says why.', 'HTTP_INTERNAL_SERVER_ERROR'],
    ]);
    expect(await messages('{ nothing }')).toEqual([['There is no such thing.', 'HTTP_NOT_FOUND']]);
    expect(await messages('{ own }')).toEqual([['As the service says.', 'ITS_OWN']]);
    expect(JSON.stringify(await ask('{ secret }', tenant))).not.toMatch(/hunter2/);
  });
});
