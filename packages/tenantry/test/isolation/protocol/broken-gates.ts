import pg from 'pg';
import { ScopedClient, type ScopedClientConfig } from '../../../src/isolation/scoped-client.js';
import { ScopedPool } from '../../../src/isolation/scoped-pool.js';
import type { MakePool } from './play.js';

type Parse = (message: { text: string; name: string }) => void;

/** No gate: one pool and one login, as `pg` comes. */
export const noGate: MakePool = (config) => new pg.Pool(config);

/** A gate that asks for the scope's settings in a way that sets nothing. */
export const skipsPreamble: MakePool = rewriting((text) =>
  text.startsWith('select set_config') ? text.replaceAll(/set_config\('\w+',(\$\d),true\)/g, '$1') : text,
);

/** A gate that does not enter a scope again. */
export const neverReenters: MakePool = rewriting((text) =>
  /^set local (?:role|search_path)\b/.test(text) && !text.includes('-- of') ? 'set local a.b = 1' : text,
);

/** A pool that hands on whatever is released. */
export const handsOnAnything: MakePool = (config) => {
  const pool = new ScopedPool(config);
  pool.removeAllListeners('release');
  return pool;
};

/** A gate whose own statements leave as another text. */
function rewriting(rewrite: (text: string) => string): MakePool {
  return (config) => Object.assign(new ScopedPool(config), { Client: rewritingClient(rewrite) });
}

function rewritingClient(rewrite: (text: string) => string): typeof ScopedClient {
  return class extends ScopedClient {
    constructor(config: ScopedClientConfig) {
      super(config);
      const { connection } = this as unknown as { connection: { parse: Parse } };
      const parse = connection.parse.bind(connection);
      connection.parse = (message) => parse({ ...message, text: rewrite(message.text) });
    }
  };
}
