/** A room of the library, the tests that belong to it, and how many mistakes they must notice. */
export interface Room {
  readonly sources: readonly string[];
  readonly tests: readonly string[];
  /** Percent of the mutants that make a difference. */
  readonly target: number;
}

/** By name. Where nothing else is said, a room's tests are in the folder of the same name. */
export const rooms: Readonly<Record<string, Room>> = {
  isolation: room('isolation', 90),
  context: room('context', 90),
  catalog: room('catalog', 90),
  tenant: room('tenant', 90),
  resolution: room('resolution', 80),
  'mikro-orm': room('orms/mikro-orm', 80),
  migrations: room('migrations', 80),
  fleet: room('fleet', 80),
  drift: room('drift', 80),
  query: room('query', 80),
  provision: room('provision', 80),
  lifecycle: room('lifecycle', 80),
  copies: room('copies', 80),
  adopt: room('adopt', 80),
};

function room(folder: string, target: number, more: readonly string[] = []): Room {
  return {
    sources: [`packages/tenantry/src/${folder}`],
    tests: [folder, ...more].map((each) => `packages/tenantry/test/${each}`),
    target,
  };
}
