import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { TenancyError } from '../errors/tenancy-error.js';
import type { Tenancy } from '../tenancy.js';

/**
 * Refuses an application that has a module twice, before anything is started: whoever injects `Tenancy` would get either.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID`.
 */
export function refuseSecondModule(modules: ModulesContainer, type: Type): void {
  const count = [...modules.values()].filter(({ metatype }) => metatype === type).length;
  if (count > 1) {
    const reason = `the application imports it ${count} times with options of their own; import it once, at the root`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'TenancyModule.forRoot()', reason });
  }
}

const named = new WeakMap<Tenancy, Set<string | undefined>>();

/**
 * Refuses a second ORM of the same name: whoever injects an EntityManager would get either.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID`.
 */
export function refuseSecondOrm(tenancy: Tenancy, contextName: string | undefined): void {
  const names = named.get(tenancy) ?? new Set();
  if (names.has(contextName)) throw secondOrm(contextName);
  named.set(tenancy, names.add(contextName));
}

/** The refusal of an ORM whose name is taken. */
export function secondOrm(contextName: string | undefined, options?: ErrorOptions): TenancyError {
  const which = contextName === undefined ? 'without one' : `with the name "${contextName}"`;
  const reason = `TenancyModule.forOrm() is imported twice ${which}; give each but one a name of its own`;
  return new TenancyError('TENANCY_OPTION_INVALID', { option: 'orm.contextName', reason }, options);
}
