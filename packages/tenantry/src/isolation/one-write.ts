import type { WireConnection } from './pg-internals.js';

/** Runs code that sends messages. */
export type OneWrite = (sendMessages: () => void) => void;

/**
 * Makes a connection able to write several messages at once. A statement with its scope is seven of them, and Node pays
 * for each buffer that it hands to the system: ten microseconds of a small request, more than all else the gate does.
 */
export function oneWrite(connection: WireConnection): OneWrite {
  const send = connection._send.bind(connection);
  let gathered: Buffer[] | undefined;
  connection._send = (message) => (gathered ? gathered.push(message) > 0 : send(message));
  return (sendMessages) => {
    const messages: Buffer[] = [];
    gathered = messages;
    try {
      sendMessages();
    } finally {
      gathered = undefined;
      if (messages.length > 0) send(Buffer.concat(messages));
    }
  };
}
