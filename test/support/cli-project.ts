import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a command printed, and how it ended. */
export interface CliAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface RunningCli {
  readonly child: ChildProcess;
  /** What it printed so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  readonly ended: Promise<CliAnswer>;
}

/** Migrations by name, each a list of statements; one with an index that is built concurrently runs outside a transaction. */
type Statements = Readonly<Record<string, readonly string[]>>;

/** What a service ships besides the migrations of its tenants. */
interface Extras {
  /** Migrations of the schema `geo`, which all tenants share. */
  readonly shared?: Statements;
  readonly sharedSchemas?: readonly string[];
  /** Another section of the config. */
  readonly adopt?: object;
}

/** A folder with a config of the service `shop`, and the real program on it. */
export interface CliProject {
  readonly folder: string;
  /** The program. */
  readonly bin: string;
  /** What the program's environment is. */
  readonly env: NodeJS.ProcessEnv;
  /** Writes the config anew. */
  ship(migrations: Statements, extras?: Extras): Promise<void>;
  start(...args: string[]): RunningCli;
  run(...args: string[]): Promise<CliAnswer>;
  close(): Promise<void>;
}

const bin = fileURLToPath(new URL('../../packages/tenantry/bin/tenantry.js', import.meta.url));
const migrationPackage = import.meta.resolve('@mikro-orm/migrations');

/** @param url - Of the database; `DATABASE_URL` of the program. */
export async function openCliProject(url: string): Promise<CliProject> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-cli-'));
  const env = { ...process.env, DATABASE_URL: url };
  const start = (...args: string[]): RunningCli => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
    const ended = once(child, 'close').then(([code]) => ({ code: (code as number | null) ?? -1, ...said }));
    return { child, said, ended };
  };
  return {
    folder,
    bin,
    env,
    ship: (migrations, { shared, sharedSchemas, adopt } = {}) =>
      writeFile(
        path.join(folder, 'tenantry.config.mjs'),
        `import { Migration } from ${JSON.stringify(migrationPackage)};
         export default { adopt: ${JSON.stringify(adopt)}, services: { shop: {
           migrations: ${classes(migrations)},
           ${shared ? `shared: { schema: 'geo', migrations: ${classes(shared)} },` : ''}
           ${sharedSchemas ? `sharedSchemas: ${JSON.stringify(sharedSchemas)},` : ''}
         } } };`,
      ),
    start,
    run: (...args) => start(...args).ended,
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The text of an object of migration classes. */
function classes(migrations: Statements): string {
  const each = Object.entries(migrations).map(
    ([name, statements]) =>
      `${JSON.stringify(name)}: class extends Migration { up() { for (const sql of ${JSON.stringify(statements)}) this.addSql(sql); } ${
        statements.some((sql) => sql.includes('concurrently')) ? 'isTransactional() { return false; }' : ''
      } }`,
  );
  return `{ ${each.join(', ')} }`;
}
