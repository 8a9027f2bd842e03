import { chmod, chown, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isRoot } from './server-account.js';

/**
 * Creates a directory with exactly this mode, and its missing parents. What root creates belongs to the owner of the
 * directory around it, so that after one `sudo npm start` the owner of a clone can still start it without sudo.
 */
export async function makeDirectory(directory: string, mode: number): Promise<void> {
  const parent = path.dirname(directory);
  try {
    await mkdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && parent !== directory) {
      await makeDirectory(parent, 0o755);
      return makeDirectory(directory, mode);
    }
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return;
    throw error;
  }
  // A restrictive umask would keep the server's account out of a directory that we made for it.
  await chmod(directory, mode);
  await giveToOwnerOfParent(directory);
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
