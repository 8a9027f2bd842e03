import type { ReconcileReport } from './reconcile-report.js';

/** How often the loop looks by itself, and what it tells. */
export interface ReconcileLoopOptions {
  /** Milliseconds between two looks when nobody wakes it. */
  readonly intervalMs: number;
  /** Milliseconds that it rests after a run in which something failed, however often it is woken meanwhile. @default 1000 */
  readonly restMs?: number;
  onReport(report: ReconcileReport): void;
  onError(error: unknown): void;
}

/**
 * Runs the reconciler when it is woken, and by a timer when a wake-up was missed. Never two runs at once, and no wake-up
 * is lost: one during a run, or during the rest after a failure, makes one more run.
 */
export class ReconcileLoop {
  readonly #run: () => Promise<ReconcileReport>;
  readonly #options: ReconcileLoopOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #resting = false;
  #again = false;
  #stopped = false;

  constructor(run: () => Promise<ReconcileReport>, options: ReconcileLoopOptions) {
    this.#run = run;
    this.#options = options;
  }

  /** Asks for a run, and does not wait for it. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#running || this.#resting) this.#again = true;
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
    let clean: boolean;
    do {
      this.#again = false;
      clean = await this.#runOnce();
    } while (clean && this.#again && !this.#stopped);
    this.#running = undefined;
    if (clean) this.#sleep();
    else this.#rest();
  }

  /** @returns Whether nothing failed. */
  async #runOnce(): Promise<boolean> {
    try {
      const report = await this.#run();
      this.#options.onReport(report);
      return report.failed === 0;
    } catch (error) {
      this.#options.onError(error);
      return false;
    }
  }

  /** Requests for a tenant that cannot be provisioned keep waking the loop; they must not make it try all the time. */
  #rest(): void {
    this.#resting = true;
    this.#schedule(this.#options.restMs ?? 1000, () => {
      this.#resting = false;
      if (this.#again) this.wake();
      else this.#sleep();
    });
  }

  #sleep(): void {
    // Spread over the interval, so that a fleet of processes does not look in step.
    this.#schedule(this.#options.intervalMs * (0.75 + Math.random() / 2), () => this.wake());
  }

  #schedule(delayMs: number, then: () => void): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(then, delayMs);
    this.#timer.unref();
  }
}
