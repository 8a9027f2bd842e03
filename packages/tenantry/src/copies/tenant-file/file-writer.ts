import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { chunkBytes, fileHeader, frameHeader, type FrameKind } from './frames.js';
import type { Manifest, TableFrame, TableTotals } from './manifest.js';

const compress = promisify(zstdCompress);

/** Takes bytes, and resolves when more may come. */
export type ByteSink = (bytes: Buffer) => Promise<void>;

/** Writes one tenant file from its first byte to its last. One chunk is compressed while the next one is collected. */
export class FileWriter {
  readonly #sink: ByteSink;
  readonly #digest = createHash('sha256');
  #collected: Buffer[] = [];
  #collectedBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #written = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  get written(): number {
    return this.#written;
  }

  async begin(manifest: Manifest): Promise<void> {
    await this.#send(fileHeader());
    await this.#frame('manifest', json(manifest));
  }

  async beginTable(table: TableFrame): Promise<void> {
    await this.#flush();
    await this.#writing;
    await this.#frame('table', json(table));
  }

  /** Rows as `COPY` writes them, cut anywhere. */
  async data(bytes: Buffer): Promise<void> {
    for (let start = 0; start < bytes.length;) {
      const end = Math.min(bytes.length, start + chunkBytes - this.#collectedBytes);
      this.#collected.push(bytes.subarray(start, end));
      this.#collectedBytes += end - start;
      start = end;
      if (this.#collectedBytes === chunkBytes) await this.#flush();
    }
  }

  async end(tables: readonly TableTotals[]): Promise<void> {
    await this.#flush();
    await this.#writing;
    await this.#frame('trailer', json({ tables, sha256: this.#digest.copy().digest('hex') }));
  }

  /** Waits until the chunk before is written, so that one is compressed and sent while the next is collected. */
  async #flush(): Promise<void> {
    if (this.#collectedBytes === 0) return;
    const chunk = Buffer.concat(this.#collected, this.#collectedBytes);
    this.#collected = [];
    this.#collectedBytes = 0;
    await this.#writing;
    this.#writing = compress(chunk).then((payload) => this.#frame('data', payload));
    // The next call throws it. Until then Node must not take it for an unhandled rejection.
    this.#writing.catch(() => undefined);
  }

  async #frame(kind: FrameKind, payload: Buffer): Promise<void> {
    await this.#send(frameHeader(kind, payload));
    await this.#send(payload);
  }

  async #send(bytes: Buffer): Promise<void> {
    this.#digest.update(bytes);
    this.#written += bytes.length;
    await this.#sink(bytes);
  }
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
