import { SingleBar } from 'cli-progress';
import type { AdoptionEvent, AdoptionPhase } from '../adopt/adoption-context.js';
import type { CliContext } from './cli-context.js';

const words: Readonly<Record<AdoptionPhase, string>> = {
  provision: 'making schemas, tenants',
  sort: 'sorting, tables',
  copy: 'copying, rows',
  replay: 'carrying changes, tenants',
  prepare: 'preparing, tenants',
  verify: 'comparing, tenants',
  finish: 'ending the capture, tenants',
};

/** Lines of a log come at most this often. */
const lineEveryMs = 2000;

/** Shows how an adoption gets on: a bar on a terminal, lines in a log, one JSON document per event with `--json`. */
export class AdoptionProgress {
  readonly #context: CliContext;
  #bar: SingleBar | undefined;
  #saidAt = performance.now();

  constructor(context: CliContext) {
    this.#context = context;
  }

  show(event: AdoptionEvent): void {
    if (this.#context.json) return this.#context.out(JSON.stringify(event));
    if (event.type === 'phase') this.#begin(event.phase, event.total);
    else if (event.type === 'progress') this.#move(event.phase, event.done, event.total);
    else {
      this.end();
      this.#context.note(event.type === 'note' ? event.words : `tenant ${event.tenant} failed: ${event.reason}`);
    }
  }

  /** So that a line can be written. */
  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #begin(phase: AdoptionPhase, total: number): void {
    this.end();
    if (!this.#context.terminal) return;
    this.#bar = new SingleBar({
      format: `${words[phase]} {bar} {value}/{total} {percentage}% {eta_formatted} left`,
      stream: process.stderr,
      hideCursor: true,
      fps: 8,
    });
    this.#bar.start(total, 0);
  }

  #move(phase: AdoptionPhase, done: number, total: number): void {
    if (this.#context.terminal) {
      this.#bar?.setTotal(total);
      this.#bar?.update(done);
    } else if (performance.now() - this.#saidAt >= lineEveryMs) {
      this.#saidAt = performance.now();
      this.#context.note(`${words[phase]}: ${done} of ${total}`);
    }
  }
}
