import type { Configuration } from '@mikro-orm/core';

const seeder = '@mikro-orm/seeder';

/**
 * Makes `orm.seeder` anew each time it is asked for. MikroORM keeps the first one, and with it the EntityManager of the scope
 * that asked first: every other tenant would be refused, and two at the same time would share what is not flushed yet.
 */
export function makeSeederPerScope(config: Configuration): void {
  let make: (() => unknown) | undefined;
  const register = config.registerExtension.bind(config);
  config.registerExtension = (name, callback) => {
    if (name === seeder) make = callback;
    else register(name, callback);
  };
  const get = config.getExtension.bind(config);
  config.getExtension = ((name: string) => (name === seeder ? make?.() : get(name))) as typeof get;
}
