import { type EntityLoader, helper, type Routine, type Transaction } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import { currentScope, requireTenantScope } from '../../context/current-scope.js';
import { scopeKey } from '../../context/scope.js';
import { TenancyError } from '../../errors/tenancy-error.js';
import { refuseForeignIn } from './foreign-entity.js';
import { outerTransactionOf, rememberingOuter } from './outer-transactions.js';
import { ScopedEntityLoader } from './scoped-entity-loader.js';

/**
 * MikroORM's EntityManager, kept to the scope it was made in: it holds that tenant's entities, and would answer from them
 * without asking the database. One that was made outside any scope holds none yet and may be used in one.
 */
export class ScopedEntityManager extends EntityManager {
  readonly #madeIn = currentScope();

  override getContext(validate = true): this {
    let em = super.getContext(false);
    // Another ORM's transaction may be the one that MikroORM remembers; this finds our own.
    if (em !== this) em = (outerTransactionOf(this) as this | undefined) ?? em;
    // MikroORM itself switches this on for as long as it makes a fork.
    if (validate && em.global && !this.config.get('allowGlobalContext'))
      throw new TenancyError('TENANCY_SCOPE_MISSING', { what: 'The EntityManager' });
    const scope = currentScope();
    // MikroORM's constructor calls this before our private field exists.
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
const asking = ['find', 'findOne', 'findOneOrFail', 'findAndCount', 'count', 'refresh', 'lock'] as const;
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

const populate = EntityManager.prototype.populate as Method;
override('populate', async function (entities, relations, options, ...rest) {
  refuseForeignIn([entities, options]);
  return populate.call(this, entities, relations, withoutSharedSchema(entities, options), ...rest);
});

const createQueryBuilder = EntityManager.prototype.createQueryBuilder as Method;
override('createQueryBuilder', function (...args) {
  const builder = createQueryBuilder.apply(this, args) as Record<string, Method>;
  for (const name of ['insert', 'update', 'where', 'andWhere']) {
    const inherited = builder[name];
    if (inherited) builder[name] = refusing(inherited);
  }
  return builder;
});

const callRoutine = EntityManager.prototype.callRoutine as Method;
override('callRoutine', async function (this: EntityManager, given, args) {
  const routine = given as Routine;
  const em = this.getContext(false);
  if (!em.config.hasRoutine(routine)) return callRoutine.call(this, routine, args);
  const connection = em.getConnection('write');
  const call = (transaction?: Transaction) => connection.callRoutine(inScope(routine), args as never, transaction);
  const open = em.getTransactionContext();
  // A procedure outside a transaction could end the one that carries its scope.
  return open || routine.type === 'function' ? call(open) : connection.transactional(call);
} as Method);

const transactional = EntityManager.prototype.transactional as Method;
override('transactional', async function (this: EntityManager, ...args) {
  return rememberingOuter(this, () => transactional.apply(this, args));
} as Method);

// em.setSessionContext(), em.fork({ session }) and filters with `rls` all come here.
override('mergeSessionContext', () => {
  throw new TenancyError('TENANCY_STATEMENT_REFUSED', {
    what: 'A session context (em.setSessionContext(), em.fork({ session }), a filter with `rls`)',
    remedy: 'Tenantry gives every statement its role and its settings; hand other values over as parameters.',
  });
});

/** A collection asks for tenant entities in its owner's schema, which for a shared owner is not theirs. */
function withoutSharedSchema(entities: unknown, options: unknown): unknown {
  const [owner] = [entities].flat() as (object | undefined)[];
  const { schema, ...rest } = (options ?? {}) as { schema?: string };
  const isShared = owner !== undefined && schema !== undefined && helper(owner).__meta.schema === schema;
  return isShared ? rest : options;
}

/** MikroORM would look for a function without a schema in `public`. It knows routines by identity: hence a copy. */
function inScope(routine: Routine): Routine {
  if (routine.schema !== undefined && routine.schema !== '*') return routine;
  const { schema } = requireTenantScope(`The routine "${routine.name}"`).placement;
  return Object.assign(Object.create(Object.getPrototypeOf(routine) as object) as Routine, routine, { schema });
}

function refusing(inherited: Method): Method {
  return function (...args) {
    refuseForeignIn(args);
    return inherited.apply(this, args);
  };
}

function override(name: string, value: Method): void {
  Object.defineProperty(ScopedEntityManager.prototype, name, { value, configurable: true, writable: true });
}
