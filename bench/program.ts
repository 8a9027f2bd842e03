import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchDatabase } from './database.ts';

/** The program of the command line. */
export const tenantryBin = fileURLToPath(new URL('../packages/tenantry/bin/tenantry.js', import.meta.url));
const migrationPackage = import.meta.resolve('@mikro-orm/migrations');

/** What a program that ended with 0 took. */
export interface ProgramRun {
  readonly ms: number;
  readonly peakMb: number;
}

/** Runs a program of Node's to its end, in a folder. Throws when it does not end with 0. */
export async function runProgram(folder: string, { url }: BenchDatabase, args: readonly string[]): Promise<ProgramRun> {
  const begun = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let peakMb = 0;
  const timer = setInterval(() => {
    void readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (text) => {
        peakMb = Math.max(peakMb, Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024);
      },
      () => undefined,
    );
  }, 20);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(timer);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${said}`);
  return { ms: performance.now() - begun, peakMb };
}

/** Writes a `tenantry.config.mjs` for the service `shop`; answers its path. */
export async function writeShopConfig(folder: string, migrations: Record<string, readonly string[]>): Promise<string> {
  const config = path.join(folder, 'tenantry.config.mjs');
  const classes = Object.entries(migrations).map(
    ([key, texts]) =>
      `${JSON.stringify(key)}: class extends Migration { up() { for (const sql of ${JSON.stringify(texts)}) this.addSql(sql); } }`,
  );
  await writeFile(
    config,
    `import { Migration } from ${JSON.stringify(migrationPackage)};
     export default { services: { shop: { migrations: { ${classes.join(', ')} } } } };`,
  );
  return config;
}
