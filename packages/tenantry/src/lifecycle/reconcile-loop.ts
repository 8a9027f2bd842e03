import type { ReconcileReport } from './reconcile-report.js';

/** How often the loop looks by itself, and what it tells. */
export interface ReconcileLoopOptions {
  /** Milliseconds between two looks when nobody wakes it. */
  readonly intervalMs: number;
  onReport(report: ReconcileReport): void;
  onError(error: unknown): void;
}

/**
 * Runs the reconciler when it is woken, and by a timer when a wake-up was missed. Never two runs at once: a wake-up
 * during a run makes one more run. After a failure it waits for the timer, so that one bad tenant causes no storm.
 */
export class ReconcileLoop {
  readonly #run: () => Promise<ReconcileReport>;
  readonly #options: ReconcileLoopOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(run: () => Promise<ReconcileReport>, options: ReconcileLoopOptions) {
    this.#run = run;
    this.#options = options;
  }

  /** Asks for a run; returns at once. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#running) this.#again = true;
    else this.#running = this.#runUntilQuiet();
  }

  /** Waits for the run that is under way, and starts none any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #runUntilQuiet(): Promise<void> {
    clearTimeout(this.#timer);
    do {
      this.#again = false;
      try {
        this.#options.onReport(await this.#run());
      } catch (error) {
        this.#options.onError(error);
        break;
      }
    } while (this.#again && !this.#stopped);
    this.#running = undefined;
    if (this.#stopped) return;
    // Spread over the interval, so that a fleet of processes does not look in step.
    this.#timer = setTimeout(() => this.wake(), this.#options.intervalMs * (0.75 + Math.random() / 2));
    this.#timer.unref();
  }
}
