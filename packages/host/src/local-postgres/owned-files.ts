import { chmod, chown, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isRoot } from './server-account.js';

/**
 * Creates a directory with exactly this mode, and its missing parents. What root creates belongs to the owner of the
 * directory around it, so that after one `sudo npm start` the owner of a clone can still start it without sudo.
 */
export async function makeDirectory(directory: string, mode: number): Promise<void> {
  const parent = path.dirname(directory);
  const made = await make(directory).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || parent === directory) throw error;
    await makeDirectory(parent, 0o755);
    // Only once more: below /proc the answer is the same, though the parent is there.
    return make(directory);
  });
  if (!made) return;
  // A restrictive umask would keep the server's account out of a directory that we made for it.
  await chmod(directory, mode);
  await giveToOwnerOfParent(directory);
}

/** @returns Whether it was not there before. */
async function make(directory: string): Promise<boolean> {
  try {
    await mkdir(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(directory)).isDirectory()) return false;
    throw error;
  }
}

/** Writes a small private file (0600) as a whole or not at all. */
export async function writePrivateFile(file: string, content: string): Promise<void> {
  const draft = `${file}.${process.pid}.draft`;
  await writeFile(draft, content, { mode: 0o600 });
  await giveToOwnerOfParent(draft);
  await rename(draft, file);
}

/** Does nothing unless called by root. */
export async function giveToOwnerOfParent(file: string): Promise<void> {
  if (!isRoot()) return;
  const { uid, gid } = await stat(path.dirname(file));
  await chown(file, uid, gid);
}
