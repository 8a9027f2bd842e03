import type pg from 'pg';
import { type BackendMessage, kindOf } from './backend-message.js';
import type { FrontendMessage } from './frontend-message.js';
import { ScriptedSession } from './scripted-session.js';

/** The part of `pg`'s connection that sends single messages and tells of those that come. */
interface RawConnection {
  parse(message: { name: string; text: string }): void;
  bind(message: { portal: string; statement: string }): void;
  describe(message: { type: string; name: string }): void;
  close(message: { type: string; name: string }): void;
  execute(message: { portal: string; rows: number }): void;
  query(text: string): void;
  sync(): void;
  flush(): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
  removeAllListeners(): void;
  on(event: string, listener: (message: RawMessage) => void): void;
}

interface RawMessage {
  readonly name: string;
  readonly code?: string;
  readonly text?: string;
  readonly status?: string;
}

/** How the model's letters are called by `pg`; what is not here is told by neither. */
const names: Readonly<Record<string, string>> = {
  Z: 'readyForQuery',
  '1': 'parseComplete',
  '2': 'bindComplete',
  '3': 'closeComplete',
  n: 'noData',
  I: 'emptyQuery',
  s: 'portalSuspended',
  T: 'rowDescription',
  D: 'dataRow',
  C: 'commandComplete',
  E: 'error',
  G: 'copyInResponse',
  H: 'copyOutResponse',
  d: 'copyData',
  c: 'copyDone',
};
const told = new Set(Object.values(names));
/** Of the statement that ends every script, and of no other. */
const lastTag = 'UNLISTEN';

/** What the model answers, in short. */
export function askModel(messages: readonly FrontendMessage[], version: number): string[] {
  const session = new ScriptedSession({
    version,
    committed: new Set(),
    mayEnter: () => true,
    ran: () => undefined,
    lost: () => undefined,
  });
  for (const message of messages) session.handle(message);
  const answers = session.flushed.flatMap(inShort);
  return session.ended ? [...answers, 'gone'] : answers;
}

/** What PostgreSQL answers, in short. */
export async function askPostgres(client: pg.Client, messages: readonly FrontendMessage[]): Promise<string[]> {
  const { connection } = client as unknown as { connection: RawConnection };
  // From now on the client does nothing of its own.
  connection.removeAllListeners();
  const answers: string[] = [];
  await new Promise<void>((resolve) => {
    connection.on('error', () => undefined);
    connection.on('end', () => {
      answers.push('gone');
      resolve();
    });
    let over = false;
    for (const name of told)
      connection.on(name === 'error' ? 'errorMessage' : name, ({ code, text, status }) => {
        over ||= text === lastTag;
        if (!over) answers.push(summary(name, code ?? text ?? status));
        else if (name === 'readyForQuery') resolve();
      });
    for (const message of messages) send(connection, message);
    connection.query('unlisten nothing');
  });
  return answers;
}

function inShort(sent: BackendMessage): string[] {
  const name = names[kindOf(sent)];
  if (name === undefined) return [];
  const body = sent.subarray(5);
  const detail = {
    Z: body.toString(),
    C: body.toString('utf8', 0, body.length - 1),
    E: /\0C(\w+)\0/.exec(body.toString())?.[1],
  };
  return [summary(name, detail[kindOf(sent) as 'Z'])];
}

function summary(name: string, detail: string | undefined): string {
  return detail === undefined ? name : `${name} ${detail}`;
}

function send(connection: RawConnection, message: FrontendMessage): void {
  switch (message.kind) {
    case 'Q':
      return connection.query(message.text);
    case 'P':
      return connection.parse(message);
    case 'B':
      return connection.bind({ portal: message.portal, statement: message.name });
    case 'D':
      return connection.describe({ type: message.of, name: message.name });
    case 'C':
      return connection.close({ type: message.of, name: message.name });
    case 'E':
      return connection.execute(message);
    case 'S':
      return connection.sync();
    case 'H':
      return connection.flush();
    case 'c':
      return connection.endCopyFrom();
    case 'f':
      return connection.sendCopyFail('changed my mind');
    default:
      throw new Error(`No script sends ${message.kind}.`);
  }
}
