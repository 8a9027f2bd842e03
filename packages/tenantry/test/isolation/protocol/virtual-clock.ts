interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

/** Time for one run: it stands still, and passes only when it is told to. */
export class VirtualClock {
  readonly #timers = new Map<object, Timer>();
  #now = 0;

  /** Takes the place of Node's timers; answers what puts them back. */
  install(): () => void {
    const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
    const realSignal = AbortSignal.timeout;
    const set = (fire: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => this.#add(ms, () => fire(...args));
    globalThis.setTimeout = set as unknown as typeof realSet;
    globalThis.clearTimeout = ((timer: object | undefined) => timer && this.#timers.delete(timer)) as typeof realClear;
    AbortSignal.timeout = (ms) => {
      const controller = new AbortController();
      this.#add(ms, () => controller.abort());
      return controller.signal;
    };
    return () => {
      globalThis.setTimeout = realSet;
      globalThis.clearTimeout = realClear;
      AbortSignal.timeout = realSignal;
    };
  }

  /** Lets time pass until the next timer is due. Whether there was one. */
  pass(): boolean {
    const [next] = [...this.#timers].toSorted(([, a], [, b]) => a.due - b.due);
    if (!next) return false;
    const [handle, { due, fire }] = next;
    this.#timers.delete(handle);
    this.#now = due;
    fire();
    return true;
  }

  #add(ms: number, fire: () => void): object {
    const handle = { ref: () => handle, unref: () => handle, hasRef: () => true, refresh: () => handle };
    this.#timers.set(handle, { due: this.#now + ms, fire });
    return handle;
  }
}
