import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../../../../..');
const bin = path.join(root, 'packages/tenantry/bin/tenantry.js');
const hooks = path.join(root, 'packages/host/test/support/typescript-hooks.mjs');

/** How a command ended and what it said. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user's project in a folder of its own, with the service `shop`. */
export interface Project {
  readonly folder: string;
  /** Replaces the entities: the text of a module that exports the list `entities`. */
  entities(source: string): Promise<void>;
  /** Runs the real `tenantry`. */
  run(...args: string[]): Promise<Ended>;
  read(file: string): Promise<string>;
  write(file: string, text: string): Promise<void>;
  /** Every file of the migration folders with its text. */
  files(): Promise<Record<string, string>>;
  remove(): Promise<void>;
}

const config = `
import { existsSync } from 'node:fs';
import { defineConfig } from 'tenantry/cli';
import { entities } from './entities.js';

const list = async (folder) => {
  const index = new URL(\`\${folder}/index.ts\`, import.meta.url);
  return existsSync(index) ? (await import(index.href)).migrations : {};
};
export default defineConfig({
  services: {
    shop: {
      entities,
      migrations: await list('./migrations'),
      migrationsDir: 'migrations',
      shared: { schema: 'shared', migrations: await list('./shared-migrations'), migrationsDir: 'shared-migrations' },
    },
    bare: {},
    lost: { entities, migrationsDir: 'nowhere' },
  },
});
`;

/** Makes a project. Remove it in `afterEach`. */
export async function makeProject(): Promise<Project> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-authoring-'));
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(path.join(folder, 'tenantry.config.js'), config);
  for (const dir of ['migrations', 'shared-migrations']) await mkdir(path.join(folder, dir));
  const project: Project = {
    folder,
    entities: (source) => project.write('entities.js', `import { defineEntity, p } from '@mikro-orm/core';\n${source}`),
    run: (...args) => run(folder, args),
    read: (file) => readFile(path.join(folder, file), 'utf8'),
    write: (file, text) => writeFile(path.join(folder, file), text),
    files: () => filesOf(folder, ['migrations', 'shared-migrations']),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
  return project;
}

async function run(cwd: string, args: readonly string[]): Promise<Ended> {
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', hooks, bin, ...args], { cwd, env });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (output.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)));
  await once(child, 'close');
  return { exitCode: child.exitCode, ...output };
}

async function filesOf(folder: string, dirs: readonly string[]): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const dir of dirs) {
    for (const name of (await readdir(path.join(folder, dir))).toSorted()) {
      files[`${dir}/${name}`] = await readFile(path.join(folder, dir, name), 'utf8');
    }
  }
  return files;
}

/** This repository, as its own user. */
export function runHere(...args: string[]): Promise<Ended> {
  return run(root, args);
}
