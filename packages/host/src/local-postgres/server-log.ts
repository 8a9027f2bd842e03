import { open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { giveToOwnerOfParent } from './owned-files.js';

const maxBytes = 5 * 1024 * 1024;

/** The server's output of one run, in `control/server.log`. */
export interface ServerLog {
  readonly file: string;
  /** Where the server is to write. */
  readonly fd: number;
  close(): Promise<void>;
  /** What was written since this log was opened. */
  readNew(): Promise<string>;
}

/** Opens the log for appending. Above 5 MiB the old one becomes `server.log.1`, and the one before that is gone. */
export async function openServerLog(control: string): Promise<ServerLog> {
  const file = path.join(control, 'server.log');
  const previousBytes = await sizeOf(file);
  if (previousBytes > maxBytes) await rename(file, `${file}.1`);
  const handle = await open(file, 'a+', 0o600);
  await giveToOwnerOfParent(file);
  const from = previousBytes > maxBytes ? 0 : previousBytes;
  return {
    file,
    fd: handle.fd,
    close: () => handle.close(),
    async readNew() {
      const reader = await open(file, 'r');
      try {
        const { size } = await reader.stat();
        const start = Math.max(from, size - 64 * 1024);
        const { buffer, bytesRead } = await reader.read(Buffer.alloc(size - start), 0, size - start, start);
        return buffer.toString('utf8', 0, bytesRead);
      } finally {
        await reader.close();
      }
    },
  };
}

/** Why the server gave up, from what it wrote: its last fatal line, or everything when it died before it had a log. */
export function reasonIn(log: string): string | undefined {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const fatal = lines.findLast((line) => /\b(FATAL|PANIC):/.test(line))?.replace(/^.*?\b(FATAL|PANIC):\s*/, '');
  return fatal ?? (lines.join(' ').slice(0, 400) || undefined);
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
