import { fileURLToPath } from 'node:url';

/** A service of this repository. */
export interface Service {
  readonly name: string;
  /** Built programs, absolute. */
  readonly main: string;
  readonly migrate: string;
}

/** The root of this repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** In the order in which they migrate: identity's catalog first. */
export const services: readonly Service[] = ['identity', 'inventory'].map((name) => ({
  name,
  main: `${root}apps/${name}/dist/main.js`,
  migrate: `${root}apps/${name}/dist/migrate.js`,
}));
