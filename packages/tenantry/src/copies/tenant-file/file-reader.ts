import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { TenancyError } from '../../errors/tenancy-error.js';
import {
  chunkBytes,
  formatVersion,
  frameBytesMax,
  frameCrc,
  frameHeaderBytes,
  type FrameKind,
  frameKindOf,
  headerBytes,
  magic,
} from './frames.js';
import { parseTrailer, type Trailer } from './manifest.js';

const decompress = promisify(zstdDecompress);

/** One whole frame. */
export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
  /** Where the next one begins, in bytes. */
  readonly end: number;
}

/**
 * Reads a file's frames one by one, each checked; the trailer is the last, and is handed out only when the digest of
 * everything before it is right and nothing follows.
 *
 * @throws TenancyError `TENANCY_FILE_FOREIGN`, `TENANCY_FILE_NEWER`, `TENANCY_FILE_DAMAGED`.
 */
export async function* readFrames(file: FileHandle): AsyncGenerator<Frame> {
  const { size } = await file.stat();
  const digest = createHash('sha256');
  const header = await readHeader(file);
  digest.update(header);
  for (let position = headerBytes; ;) {
    const frame = await readFrame(file, position, size);
    if (frame.kind === 'trailer') {
      requireEnd(parseTrailer(frame.payload), digest.digest('hex'), frame.end, size);
      yield frame;
      return;
    }
    digest.update(frame.header).update(frame.payload);
    position = frame.end;
    yield frame;
  }
}

/** The rows in a data frame. */
export async function unpack(payload: Buffer): Promise<Buffer> {
  try {
    return await decompress(payload, { maxOutputLength: chunkBytes });
  } catch {
    throw damaged('rows cannot be decompressed');
  }
}

async function readHeader(file: FileHandle): Promise<Buffer> {
  const header = await readExactly(file, headerBytes, 0);
  const begins = header.subarray(0, magic.length);
  if (begins.length === 0 || !begins.equals(magic.subarray(0, begins.length)))
    throw new TenancyError('TENANCY_FILE_FOREIGN');
  if (header.length < headerBytes) throw damaged('it ends inside its header');
  const version = header.readUInt16BE(magic.length);
  if (version === 0) throw damaged('it has no format version');
  if (version > formatVersion) throw new TenancyError('TENANCY_FILE_NEWER', { version, known: formatVersion });
  return header;
}

async function readFrame(file: FileHandle, position: number, size: number): Promise<Frame & { header: Buffer }> {
  const header = await readExactly(file, frameHeaderBytes, position);
  if (header.length < frameHeaderBytes) throw damaged(`it ends at byte ${size}, before its trailer`);
  const kind = frameKindOf(header.readUInt8(0));
  const length = header.readUInt32BE(1);
  if (!kind || length > frameBytesMax[kind]) throw damaged(`there is no frame at byte ${position}`);
  const start = position + frameHeaderBytes;
  if (start + length > size) throw damaged(`it ends at byte ${size}, inside a frame`);
  const payload = await readExactly(file, length, start);
  if (payload.length < length || frameCrc(header, payload) !== header.readUInt32BE(5)) {
    throw damaged(`the checksum of the frame at byte ${position} does not match`);
  }
  return { kind, payload, header, end: start + length };
}

function requireEnd({ sha256 }: Trailer, digest: string, end: number, size: number): void {
  if (sha256 !== digest) throw damaged('its digest does not match');
  if (end !== size) throw damaged(`${size - end} bytes follow its trailer`);
}

/** Shorter than asked for only at the end of the file. */
async function readExactly(file: FileHandle, length: number, position: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function damaged(reason: string): TenancyError {
  return new TenancyError('TENANCY_FILE_DAMAGED', { reason });
}
