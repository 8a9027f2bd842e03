import { execFile } from 'node:child_process';
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

/** A folder with a config of the service `shop`, and the real program on it. */
export interface CliProject {
  readonly folder: string;
  /** The program. */
  readonly bin: string;
  /** Writes the config anew: migrations by name, each a list of statements; more sections of the config. */
  ship(migrations: Readonly<Record<string, readonly string[]>>, more?: object): Promise<void>;
  run(...args: string[]): Promise<CliAnswer>;
  close(): Promise<void>;
}

const bin = fileURLToPath(new URL('../../packages/tenantry/bin/tenantry.js', import.meta.url));
const migrationPackage = import.meta.resolve('@mikro-orm/migrations');

/** @param url - Of the database; `DATABASE_URL` of the program. */
export async function openCliProject(url: string): Promise<CliProject> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-cli-'));
  return {
    folder,
    bin,
    async ship(migrations, more = {}) {
      const classes = Object.entries(migrations).map(
        ([name, statements]) =>
          `${JSON.stringify(name)}: class extends Migration { up() { for (const sql of ${JSON.stringify(statements)}) this.addSql(sql); } }`,
      );
      await writeFile(
        path.join(folder, 'tenantry.config.mjs'),
        `import { Migration } from ${JSON.stringify(migrationPackage)};
         export default { ...${JSON.stringify(more)}, services: { shop: { migrations: { ${classes.join(', ')} } } } };`,
      );
    },
    run: (...args) =>
      new Promise((resolve) => {
        const env = { ...process.env, DATABASE_URL: url };
        execFile(process.execPath, [bin, ...args], { cwd: folder, env }, (error, stdout, stderr) => {
          resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
        });
      }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
