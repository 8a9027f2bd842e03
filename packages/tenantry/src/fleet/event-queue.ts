/** From so many unread events on, those that only tell of a wait are left out. */
const unreadMax = 1000;

/**
 * Hands events from one side to an async iterator on the other. Progress that nobody has read yet is replaced by newer
 * progress, so a slow reader costs no memory.
 */
export class EventQueue<T extends { readonly type: string }> implements AsyncIterable<T> {
  readonly #events: T[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(event: T): void {
    if (event.type === 'progress' && this.#events.at(-1)?.type === 'progress') this.#events.pop();
    if (event.type === 'blocked' && this.#events.length >= unreadMax) return;
    this.#events.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
