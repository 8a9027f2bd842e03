import { crc32 } from 'node:zlib';

/**
 * First bytes of a tenant file: not text, and changed by whatever changes line ends on the way. The format version follows,
 * two bytes; then frames up to the end.
 */
export const magic = Buffer.from('\x89TENANTRY\r\n\x1a\n\0', 'latin1');

/** The newest version of the format that is written and read. */
export const formatVersion = 1;

export const headerBytes = magic.length + 2;

/** Kind, length and CRC-32 of one frame. */
export const frameHeaderBytes = 9;

/** Bytes of rows in one data frame before it is compressed: what is in memory at a time. */
export const chunkBytes = 1024 * 1024;

/** `manifest` first, then for each table `table` and its `data`, `trailer` last. */
export const frameKinds = { manifest: 77, table: 84, data: 68, trailer: 90 } as const;

export type FrameKind = keyof typeof frameKinds;

/** Most bytes of one frame, so that a damaged length asks for no memory. */
export const frameBytesMax: Readonly<Record<FrameKind, number>> = {
  manifest: 64 * 1024 * 1024,
  table: 1024,
  data: 2 * chunkBytes,
  trailer: 64 * 1024 * 1024,
};

/** The start of a file. Pure. */
export function fileHeader(version: number = formatVersion): Buffer {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header.writeUInt16BE(version, magic.length);
  return header;
}

export function frameHeader(kind: FrameKind, payload: Buffer): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt8(frameKinds[kind], 0);
  header.writeUInt32BE(payload.length, 1);
  header.writeUInt32BE(frameCrc(header, payload), 5);
  return header;
}

/** Over kind, length and payload. Pure. */
export function frameCrc(header: Buffer, payload: Buffer): number {
  return crc32(payload, crc32(header.subarray(0, 5)));
}

/** The kind of a frame by its number, if there is such a kind. Pure. */
export function frameKindOf(number: number): FrameKind | undefined {
  return (Object.keys(frameKinds) as FrameKind[]).find((kind) => frameKinds[kind] === number);
}
