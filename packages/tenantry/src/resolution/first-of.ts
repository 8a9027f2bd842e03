import type { TenantResolver } from './tenant-resolver.js';

/** Asks resolvers one after the other; the first that finds a tenant decides, and an error of one ends the search. */
export function firstOf(...resolvers: readonly TenantResolver[]): TenantResolver {
  return {
    expected: resolvers.map(({ expected }) => expected).join(' or '),
    async resolve(request) {
      for (const resolver of resolvers) {
        const tenant = await resolver.resolve(request);
        if (tenant !== undefined) return tenant;
      }
      return undefined;
    },
  };
}
