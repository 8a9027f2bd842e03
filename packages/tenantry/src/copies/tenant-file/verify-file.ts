import type { FileHandle } from 'node:fs/promises';
import { TenancyError } from '../../errors/tenancy-error.js';
import { checkTenantName } from '../../tenant/tenant-name.js';
import { parseTenantId } from '../../tenant/tenant-id.js';
import { type Frame, readFrames } from './file-reader.js';
import {
  type Manifest,
  parseManifest,
  parseTableFrame,
  parseTrailer,
  type TableFrame,
  type Trailer,
} from './manifest.js';

/** What a whole file says of itself. */
export interface VerifiedFile {
  readonly manifest: Manifest;
  readonly trailer: Trailer;
}

/**
 * Reads a tenant file from its first byte to its last, before anything is written anywhere.
 *
 * @param onFrame - Called after each frame; may throw, to stop.
 * @throws TenancyError `TENANCY_FILE_FOREIGN`, `TENANCY_FILE_NEWER`, `TENANCY_FILE_DAMAGED`.
 */
export async function verifyFile(file: FileHandle, onFrame: (frame: Frame) => void): Promise<VerifiedFile> {
  let manifest: Manifest | undefined;
  const tables: TableFrame[] = [];
  for await (const frame of readFrames(file)) {
    onFrame(frame);
    if (!manifest) {
      if (frame.kind !== 'manifest') throw damaged('it does not begin with a manifest');
      manifest = parseManifest(frame.payload);
    } else if (frame.kind === 'manifest') throw damaged('it has two manifests');
    else if (frame.kind === 'table') tables.push(parseTableFrame(frame.payload));
    else if (frame.kind === 'data' && tables.length === 0) throw damaged('rows come before their table');
    else if (frame.kind === 'trailer') return checked(manifest, tables, parseTrailer(frame.payload));
  }
  throw damaged('it has no trailer');
}

function checked(manifest: Manifest, tables: readonly TableFrame[], trailer: Trailer): VerifiedFile {
  const promised = manifest.services.flatMap(({ service, tables: of }) =>
    of.map(({ name }) => JSON.stringify([service, name])),
  );
  const key = ({ service, table }: TableFrame) => JSON.stringify([service, table]);
  const there = tables.map(key);
  if (new Set(there).size !== there.length) throw damaged('a table comes twice');
  if (new Set(manifest.services.map(({ service }) => service)).size !== manifest.services.length)
    throw damaged('a service comes twice');
  const same = (others: readonly string[]) => JSON.stringify(others) === JSON.stringify(there);
  if (!same(promised) || !same(trailer.tables.map(key))) throw damaged('its tables are not those of its manifest');
  parseTenantId(manifest.tenant.id);
  checkTenantName(manifest.tenant.name);
  return { manifest, trailer };
}

function damaged(reason: string): TenancyError {
  return new TenancyError('TENANCY_FILE_DAMAGED', { reason });
}
