import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { TenancyError } from '../../errors/tenancy-error.js';

/**
 * Opens a file that is read twice. What comes as a stream is put into a temporary file first, which is gone afterwards.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` for a file that cannot be read.
 */
export async function withInput<T>(
  from: string | Readable,
  signal: AbortSignal | undefined,
  fn: (file: FileHandle) => Promise<T>,
): Promise<T> {
  if (from instanceof Readable) return spooled(from, signal, fn);
  let file: FileHandle;
  try {
    if (!(await stat(from)).isFile()) return await spooled(createReadStream(from), signal, fn);
    file = await open(from, 'r');
  } catch (error) {
    const { syscall, message: reason } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'from', reason });
  }
  try {
    return await fn(file);
  } finally {
    await file.close();
  }
}

async function spooled<T>(
  stream: Readable,
  signal: AbortSignal | undefined,
  fn: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-import-'));
  const file = await open(path.join(folder, 'spooled'), 'wx+', 0o600);
  // An open file can be read after it is deleted, and this way nothing is left when the process is killed.
  await rm(folder, { recursive: true });
  try {
    for await (const bytes of stream as AsyncIterable<Uint8Array>) {
      signal?.throwIfAborted();
      for (let sent = 0; sent < bytes.length;) sent += (await file.write(bytes, sent)).bytesWritten;
    }
    return await fn(file);
  } finally {
    await file.close();
  }
}
