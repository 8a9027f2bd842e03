import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');
const copied = ['apps', 'packages', 'scripts', 'package.json', 'tsconfig.base.json', 'tsconfig.build.json'];

/** A copy of this repository, whose sources a test may change while others use the real ones. */
export async function copyRepository(): Promise<{ directory: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenantry-copy-'));
  for (const name of copied) {
    await cp(path.join(root, name), path.join(directory, name), { recursive: true, preserveTimestamps: true });
  }
  await symlink(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
  return { directory, remove: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }) };
}
