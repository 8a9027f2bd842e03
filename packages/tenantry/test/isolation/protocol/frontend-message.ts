/** What a client sends, taken apart. The letters are the protocol's own; `!` is the start-up message, which has none. */
export type FrontendMessage =
  | { readonly kind: '!' | 'S' | 'H' | 'X' | 'd' | 'c' | 'f' | 'p' }
  | { readonly kind: 'Q'; readonly text: string }
  | { readonly kind: 'P'; readonly name: string; readonly text: string }
  | { readonly kind: 'B'; readonly portal: string; readonly name: string; readonly values: readonly (string | null)[] }
  | { readonly kind: 'D' | 'C'; readonly of: string; readonly name: string }
  | { readonly kind: 'E'; readonly portal: string; readonly rows: number };

/** Cuts a client's bytes into messages, however they arrive. */
export class FrontendParser {
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  /** The messages that these bytes complete. */
  take(bytes: Buffer): FrontendMessage[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const messages: FrontendMessage[] = [];
    for (;;) {
      const head = this.#started ? 1 : 0;
      if (this.#rest.length < head + 4) return messages;
      const end = head + this.#rest.readInt32BE(head);
      if (this.#rest.length < end) return messages;
      const kind = this.#started ? String.fromCharCode(this.#rest[0] ?? 0) : '!';
      messages.push(read(kind, this.#rest.subarray(head + 4, end)));
      this.#rest = this.#rest.subarray(end);
      this.#started = true;
    }
  }
}

function read(kind: string, body: Buffer): FrontendMessage {
  let at = 0;
  const text = () => {
    const end = body.indexOf(0, at);
    const value = body.toString('utf8', at, end);
    at = end + 1;
    return value;
  };
  const int16 = () => body.readInt16BE((at += 2) - 2);
  const int32 = () => body.readInt32BE((at += 4) - 4);
  switch (kind) {
    case 'Q':
      return { kind, text: text() };
    case 'P':
      return { kind, name: text(), text: text() };
    case 'B': {
      const [portal, name] = [text(), text()];
      for (let formats = int16(); formats > 0; formats--) int16();
      const values = Array.from({ length: int16() }, () => {
        const length = int32();
        if (length < 0) return null;
        return body.toString('utf8', at, (at += length));
      });
      return { kind, portal, name, values };
    }
    case 'D':
    case 'C':
      at = 1;
      return { kind, of: String.fromCharCode(body[0] ?? 0), name: text() };
    case 'E':
      return { kind, portal: text(), rows: int32() };
    default:
      return { kind: kind as 'S' };
  }
}
