import { SingleBar } from 'cli-progress';
import type { RunningRollout } from '../fleet/fleet.js';
import { describeTransactions } from '../fleet/open-transaction.js';
import { planAsJson } from '../fleet/plan-json.js';
import type { RolloutEvent, RolloutOutcome } from '../fleet/rollout-event.js';
import { describeWait } from '../fleet/wait-watch.js';
import type { CliContext, ExitCode } from './cli-context.js';
import { failureLines } from './failure-lines.js';
import { printPlan } from './print-plan.js';

const exitCodes: Readonly<Record<RolloutOutcome['status'], ExitCode>> = { done: 0, failed: 1, halted: 3, stopped: 3 };

/** Lines of a log come at most this often. */
const lineEveryMs = 2000;

/**
 * Shows a rollout: a progress bar on a terminal, lines in a log, one JSON document per event with `--json`.
 *
 * @param service - Of the rollout.
 * @returns The exit code that it stands for.
 */
export async function followRollout(context: CliContext, service: string, rollout: RunningRollout): Promise<ExitCode> {
  const shown = context.terminal ? new ProgressBar(service) : new ProgressLines(context, service);
  const stopping = () => {
    shown.pause();
    if (!context.json) context.note(`${service}: stopping after the tenants in flight`);
  };
  context.signal.addEventListener('abort', stopping);
  for await (const event of rollout) {
    if (context.json) context.out(JSON.stringify({ service, ...withPlainPlan(event) }));
    else if (event.type === 'progress') shown.progress(event.done + event.failed, event.total, event.failed);
    else {
      const lines = linesOf(service, event);
      if (lines.length > 0) shown.pause();
      for (const line of lines) (event.type === 'planned' ? context.out : context.note).call(context, line);
    }
  }
  shown.pause();
  context.signal.removeEventListener('abort', stopping);
  const outcome = await rollout.outcome;
  return exitCodes[outcome.status];
}

function withPlainPlan(event: RolloutEvent): object {
  return event.type === 'planned' ? { type: event.type, plan: planAsJson(event.plan) } : event;
}

function linesOf(service: string, event: RolloutEvent): string[] {
  switch (event.type) {
    case 'planned':
      return printPlan(event.plan);
    case 'waiting':
      return [`${service}: another rollout of this service is under way; this one waits for it`];
    case 'wave':
      return event.name === 'all' ? [] : [`${service}: wave ${event.name}, ${event.tenants} tenants`];
    case 'failure':
      return failureLines(`${service}: tenant ${event.tenant} failed,`, event);
    case 'old-transactions':
      return [
        `${service}: what runs outside a transaction will wait for older ones: ${describeTransactions(event.transactions)}`,
      ];
    case 'blocked':
      return [
        `${service}: tenant ${event.tenant} waits, for ${Math.round(event.waitedMs / 1000)} s so far: ${describeWait(event)}`,
      ];
    case 'away':
      return [`${service}: PostgreSQL is away (${event.reason}); waiting for it`];
    case 'finished':
      return event.outcome.id === null && event.outcome.status === 'done' ? [] : finalLines(service, event.outcome);
    default:
      return [];
  }
}

function finalLines(service: string, { id, status, total, done, failed, reason, tookMs }: RolloutOutcome): string[] {
  const seconds = (tookMs / 1000).toFixed(1);
  const lines = [
    `${service}: rollout ${id ?? '-'} ${status}: ${done} of ${total} tenants in ${seconds} s, ${failed} failed`,
  ];
  if (reason !== null) lines.push(`${service}: ${reason}`);
  if (status === 'failed') lines.push(`${service}: run the same command again to try the failed tenants alone`);
  if ((status === 'halted' || status === 'stopped') && id !== null) {
    lines.push(`${service}: go on with: tenantry rollout resume ${id}; give it up with: tenantry rollout abort ${id}`);
  }
  return lines;
}

class ProgressBar {
  readonly #format: string;
  #bar: SingleBar | undefined;

  constructor(service: string) {
    this.#format = `${service} {bar} {value}/{total} {percentage}% {rate}/s {left} left, {failed} failed`;
  }

  progress(value: number, total: number, failed: number): void {
    const begun = this.#bar;
    this.#bar ??= new SingleBar({ format: this.#format, hideCursor: true, clearOnComplete: false, fps: 8 });
    const perSecond = value / Math.max(0.001, (performance.now() - this.#startedAt) / 1000);
    // The bar would estimate from the time since its last pause only.
    const left = value === 0 ? '?' : timeLeft((total - value) / perSecond);
    const payload = { rate: Math.round(perSecond), left, failed };
    if (begun) this.#bar.setTotal(total);
    else this.#bar.start(total, 0, payload);
    this.#bar.update(value, payload);
  }

  /** So that a line can be written; the next progress draws it again. */
  pause(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  readonly #startedAt = performance.now();
}

function timeLeft(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}

class ProgressLines {
  readonly #context: CliContext;
  readonly #service: string;
  #saidAt = performance.now();

  constructor(context: CliContext, service: string) {
    this.#context = context;
    this.#service = service;
  }

  progress(value: number, total: number, failed: number): void {
    if (performance.now() - this.#saidAt < lineEveryMs) return;
    this.#saidAt = performance.now();
    this.#context.note(`${this.#service}: ${value} of ${total}, ${failed} failed`);
  }

  pause(): void {
    // Each line was written whole, so nothing has to be ended.
  }
}
