// A program whose main function fails in the way that its argument names.
import { Client } from 'pg';
import { runMain } from '../../src/run-main.ts';
import { StartupError } from '../../src/startup-error.ts';

const [way = '', url] = process.argv.slice(2);

const failures: Record<string, () => Promise<void>> = {
  startup: () => Promise.reject(new StartupError('CONFIG_INVALID', 'OPTION is wrong;\n  change OPTION.')),
  tenancy: () =>
    Promise.reject(
      Object.assign(new Error('x'), { code: 'TENANCY_OPTION_INVALID', operatorMessage: 'The option `url` is wrong.' }),
    ),
  bug: () => Promise.reject(new TypeError('x is not a function')),
  connect: () => new Client({ connectionString: url, connectionTimeoutMillis: 5_000 }).connect().then(() => undefined),
};

await runMain(failures[way] ?? (() => Promise.resolve()), { url });
