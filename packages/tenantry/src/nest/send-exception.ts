interface Client {
  readonly readyState?: unknown;
  send?(data: string): void;
  emit?(event: string, data: object): void;
}

/** Sends an error to a WebSocket's client as Nest's own filter does: the event `exception`. */
export function sendException(client: Client, data: object): void {
  // A WebSocket of `ws` has an `emit` too, which tells only this process.
  if (typeof client.readyState === 'number') client.send?.(JSON.stringify({ event: 'exception', data }));
  else client.emit?.('exception', data);
}
