/** One message of PostgreSQL's, as bytes on the wire. */
export type BackendMessage = Buffer;

/** What the server says of its transaction with every ReadyForQuery. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** An error as PostgreSQL reports it. */
export class ServerError extends Error {
  readonly code: string;
  /** Whether it comes up as rows are made: by then PostgreSQL has described them. */
  readonly late: boolean;

  constructor(code: string, sentence: string, late = false) {
    super(sentence);
    this.code = code;
    this.late = late;
  }
}

/** The messages that a server sends, by what they say. */
export const backend = {
  authenticated: () => message('R', int32(0)),
  parameter: (name: string, value: string) => message('S', text(name), text(value)),
  key: (pid: number) => message('K', int32(pid), int32(pid)),
  ready: (status: TransactionStatus) => message('Z', Buffer.from(status)),
  parsed: () => message('1'),
  bound: () => message('2'),
  closed: () => message('3'),
  noData: () => message('n'),
  emptyQuery: () => message('I'),
  suspended: () => message('s'),
  parameters: () => message('t', int16(0)),
  rowDescription: (column: string) =>
    message('T', int16(1), text(column), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)),
  row: (value: string) => message('D', int16(1), int32(Buffer.byteLength(value)), Buffer.from(value)),
  complete: (tag: string) => message('C', text(tag)),
  error: (severity: string, { code, message: sentence }: ServerError) => message('E', report(severity, code, sentence)),
  notice: (code: string, sentence: string) => message('N', report('WARNING', code, sentence)),
  notification: (channel: string) => message('A', int32(1), text(channel), text('')),
  copyIn: () => message('G', Buffer.from([0]), int16(1), int16(0)),
  copyOut: () => message('H', Buffer.from([0]), int16(1), int16(0)),
  copyData: (line: string) => message('d', Buffer.from(line)),
  copyDone: () => message('c'),
} as const;

/** The letter that a message begins with. */
export function kindOf(sent: BackendMessage): string {
  return String.fromCharCode(sent[0] ?? 0);
}

function message(kind: string, ...parts: Buffer[]): BackendMessage {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body]);
}

function report(severity: string, code: string, sentence: string): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${sentence}`].map(text);
  return Buffer.concat([...fields, Buffer.from([0])]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}
