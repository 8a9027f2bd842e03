import { AsyncLocalStorage } from 'node:async_hooks';
import { type EntityManager, MikroORM } from '@mikro-orm/postgresql';
import type { Tenancy } from '../../../src/tenancy.js';
import { widgetEntities } from '../../../../../test/support/widgets.js';

/** Tenancy without any wall: how it is often written, for twins of isolation tests. */
export interface Unguarded {
  /** With the parts of {@link Tenancy} that code in a scope uses. */
  readonly tenancy: Tenancy;
  readonly orm: MikroORM;
  /** Takes back what was left on its connections, where it has one. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** A plain MikroORM on a plain pool, whose scope only chooses the schema of the EntityManager. */
export async function openUnguarded(url: string, connections = 3): Promise<Unguarded> {
  const scope = new AsyncLocalStorage<string>();
  const orm: MikroORM = await MikroORM.init({
    clientUrl: url,
    entities: widgetEntities,
    allowGlobalContext: true,
    pool: { min: 0, max: connections },
    context: (): EntityManager | undefined => {
      const schema = scope.getStore();
      return schema === undefined ? undefined : orm.em.fork({ schema, disableContextResolution: true });
    },
  });
  const tenancy = {
    run: (tenant: string, fn: () => unknown) => scope.run(`${tenant}_shop`, async () => fn()),
    runInCatalog: (fn: () => unknown) => scope.exit(async () => fn()),
    require: () => ({ placement: { schema: scope.getStore() } }),
  };
  return {
    tenancy: tenancy as unknown as Tenancy,
    orm,
    reset: async () => void (await orm.em.fork().execute('discard all')),
    close: () => orm.close(),
  };
}
