import { link, open, rename, rm, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { TenancyError } from '../../errors/tenancy-error.js';
import type { ByteSink } from './file-writer.js';

/**
 * Writes a file as a whole or not at all: under another name until it is complete. To a stream it is written as it comes.
 *
 * @param force - Replaces a file that is there.
 * @throws TenancyError `TENANCY_OPTION_INVALID` for a file that is there, or cannot be written.
 */
export async function withOutput<T>(
  to: string | Writable,
  force: boolean,
  fn: (sink: ByteSink) => Promise<T>,
): Promise<T> {
  return typeof to === 'string' ? toFile(to, force, fn) : fn(sinkOf(to));
}

async function toFile<T>(path: string, force: boolean, fn: (sink: ByteSink) => Promise<T>): Promise<T> {
  if (!force && (await exists(path))) throw taken(path);
  const partial = `${path}.partial`;
  // Left by an export that was killed. One that still runs notices the loss when it ends.
  await rm(partial, { force: true });
  const file = await open(partial, 'wx', 0o600).catch((error: Error) => {
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'to', reason: error.message });
  });
  try {
    const result = await fn(async (bytes) => {
      for (let sent = 0; sent < bytes.length;) sent += (await file.write(bytes, sent)).bytesWritten;
    });
    await file.sync();
    if ((await file.stat()).ino !== (await stat(partial)).ino) throw new Error(`another process writes ${partial}`);
    await (force ? rename(partial, path) : moveNew(partial, path));
    return result;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * A rename would replace a file that appeared meanwhile; a link fails instead. File systems without links get the
 * rename.
 */
async function moveNew(partial: string, path: string): Promise<void> {
  try {
    await link(partial, path);
    await rm(partial);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || (await exists(path))) throw taken(path);
    await rename(partial, path);
  }
}

function taken(path: string): TenancyError {
  return new TenancyError('TENANCY_OPTION_INVALID', {
    option: 'to',
    reason: `${path} exists; name another file, or replace it with \`force\` (--force)`,
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function sinkOf(stream: Writable): ByteSink {
  let failed: Error | undefined;
  stream.on('error', (error) => {
    failed = error;
  });
  return (bytes) =>
    new Promise((resolve, reject) => {
      if (failed) reject(failed);
      else stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
}
