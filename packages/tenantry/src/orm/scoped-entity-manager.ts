import type { EntityLoader } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentScope } from '../context/current-scope.js';
import { scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { refuseForeignIn } from './foreign-entity.js';
import { ScopedEntityLoader } from './scoped-entity-loader.js';

/**
 * MikroORM's EntityManager, kept to the scope it was made in: it holds that tenant's entities, and would answer from them
 * without asking the database. One that was made outside any scope holds none yet and may be used in one.
 */
export class ScopedEntityManager extends EntityManager {
  readonly #madeIn = currentScope();

  override getContext(validate?: boolean): this {
    const em = super.getContext(validate);
    const scope = currentScope();
    // The constructor of MikroORM's asks before there is a field.
    const madeIn = #madeIn in em ? em.#madeIn : undefined;
    if (madeIn && scope && madeIn !== scope && scopeKey(madeIn) !== scopeKey(scope)) {
      const fields = { what: 'An EntityManager', other: scopeKey(madeIn), scope: scopeKey(scope) };
      throw new TenancyError('TENANCY_SCOPE_MISMATCH', fields);
    }
    return em;
  }

  override getEntityLoader(): EntityLoader {
    return new ScopedEntityLoader(this.getContext());
  }
}

type Method = (this: object, ...args: unknown[]) => unknown;

/** Methods that take entities, alone or inside conditions and data. What changes an entity later is looked at by the flush. */
const asking = ['find', 'findOne', 'findOneOrFail', 'findAndCount', 'count', 'populate', 'refresh', 'lock'] as const;
const writing = ['insert', 'insertMany', 'upsert', 'upsertMany', 'nativeUpdate', 'nativeDelete'] as const;
const holding = ['create', 'assign', 'merge', 'persist', 'remove'] as const;

for (const name of [...asking, ...writing]) {
  const inherited = EntityManager.prototype[name] as Method;
  override(name, async function (...args) {
    refuseForeignIn(args);
    return inherited.apply(this, args);
  });
}
for (const name of holding) override(name, refusing(EntityManager.prototype[name] as Method));

const createQueryBuilder = EntityManager.prototype.createQueryBuilder as Method;
override('createQueryBuilder', function (...args) {
  const builder = createQueryBuilder.apply(this, args) as Record<string, Method>;
  for (const name of ['insert', 'update', 'where', 'andWhere']) {
    const inherited = builder[name];
    if (inherited) builder[name] = refusing(inherited);
  }
  return builder;
});

function refusing(inherited: Method): Method {
  return function (...args) {
    refuseForeignIn(args);
    return inherited.apply(this, args);
  };
}

function override(name: string, value: Method): void {
  Object.defineProperty(ScopedEntityManager.prototype, name, { value, configurable: true, writable: true });
}
