import { InjectRepository } from '@mikro-orm/nestjs';
import { EntityManager, type EntityRepository, MikroORM } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, Injectable, Param, Post, Scope } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { type NestShop, openNestShop } from './nest-shop.js';

let made = 0;

@Injectable()
class WidgetsService {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @InjectRepository(Widget) private readonly widgets: EntityRepository<Widget>,
    @Inject(MikroORM) private readonly orm: MikroORM,
  ) {
    made++;
  }

  async everyWay(): Promise<Record<string, string[]>> {
    const names = (widgets: { name: string }[]) => widgets.map(({ name }) => name).toSorted();
    return {
      em: names(await this.em.find(Widget, {})),
      repository: names(await this.widgets.findAll()),
      orm: names(await this.orm.em.find(Widget, {})),
      sql: names(await this.em.execute('select name from widget')),
      transaction: names(await this.em.transactional((em) => em.find(Widget, {}))),
    };
  }

  async add(name: string): Promise<void> {
    this.widgets.create({ name });
    await this.em.flush();
  }
}

@Controller('widgets')
class WidgetsController {
  constructor(@Inject(WidgetsService) private readonly widgets: WidgetsService) {}

  @Get()
  everyWay(): Promise<unknown> {
    return this.widgets.everyWay();
  }

  @Post(':name')
  add(@Param('name') name: string): Promise<void> {
    return this.widgets.add(name);
  }
}

let shop: NestShop;
beforeAll(async () => {
  shop = await openNestShop({ controllers: [WidgetsController], providers: [WidgetsService] });
});
afterAll(() => shop.close());

it('gives one instance of a service, made once, the EntityManager and the repository of each request', async () => {
  const requests = Array.from({ length: 30 }, (_, index) => shop.tenants[index % 2 === 0 ? 0 : 1]);
  const answers = await Promise.all(requests.map((tenant) => shop.get('/widgets', tenant)));
  const all = (tenant: string) =>
    Object.fromEntries(['em', 'repository', 'orm', 'sql', 'transaction'].map((way) => [way, [tenant]]));
  expect(answers).toEqual(requests.map(all));
  expect(made).toBe(1);
});

it('writes what a repository made with the EntityManager of the same request', async () => {
  const [first, second] = shop.tenants;
  await fetch(`${shop.url}/widgets/added`, { method: 'POST', headers: { 'x-client': first } });
  expect(await shop.get('/widgets', first)).toMatchObject({ em: ['added', first].toSorted() });
  expect(await shop.get('/widgets', second)).toMatchObject({ em: [second] });
});

it('has no request-scoped, durable or transient provider or controller anywhere in the container', () => {
  const bad: string[] = [];
  for (const module of shop.app.get(ModulesContainer).values()) {
    for (const wrapper of [
      ...module.providers.values(),
      ...module.controllers.values(),
      ...module.injectables.values(),
    ]) {
      // Nest's own, in a module that every app has: REQUEST and INQUIRER.
      if (module.name === 'InternalCoreModule') continue;
      if (!wrapper.isDependencyTreeStatic() || wrapper.durable || (wrapper.scope ?? Scope.DEFAULT) !== Scope.DEFAULT)
        bad.push(`${module.name}: ${wrapper.name}`);
    }
  }
  expect(bad).toEqual([]);
});

it('would be seen to fail: a request-scoped provider in the same app is found', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class PerRequest {}
  const other = await openNestShop({ controllers: [], providers: [PerRequest], database: shop.database });
  const wrappers = [...other.app.get(ModulesContainer).values()].flatMap((module) => [...module.providers.values()]);
  expect(wrappers.find(({ name }) => name === 'PerRequest')?.isDependencyTreeStatic()).toBe(false);
  await other.close();
});
