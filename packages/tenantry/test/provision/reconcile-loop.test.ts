import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { ReconcileLoop } from '../../src/provision/reconcile-loop.js';
import { type ReconcileReport, ReportBuilder } from '../../src/provision/reconcile-report.js';
import { parseServiceName } from '../../src/tenant/service-name.js';
import { parseTenantId } from '../../src/tenant/tenant-id.js';

const quiet = new ReportBuilder().build([]);
const never = 3_600_000;

function failing(): ReconcileReport {
  const report = new ReportBuilder();
  report.failed({ tenant: parseTenantId('bad'), service: parseServiceName('shop'), code: 'UNKNOWN', reason: 'no' });
  return report.build([]);
}

/** A loop whose runs wait until the test ends them. */
class Bench {
  runs = 0;
  readonly errors: unknown[] = [];
  readonly loop: ReconcileLoop;
  #end: ((outcome: ReconcileReport | Error) => void) | undefined;

  constructor({ intervalMs = never, restMs = never } = {}) {
    const run = () => {
      this.runs++;
      return new Promise<ReconcileReport>((resolve, reject) => {
        this.#end = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
      });
    };
    this.loop = new ReconcileLoop(run, {
      intervalMs,
      restMs,
      onReport: () => undefined,
      onError: (error) => this.errors.push(error),
    });
  }

  async end(outcome: ReconcileReport | Error = quiet): Promise<void> {
    this.#end?.(outcome);
    await turn();
  }
}

let bench = new Bench();
afterEach(async () => {
  const stopped = bench.loop.stop();
  await bench.end();
  await stopped;
});

it('makes one more run for all wake-ups during a run', async () => {
  bench = new Bench();
  for (let i = 0; i < 5; i++) bench.loop.wake();
  expect(bench.runs).toBe(1);
  await bench.end();
  expect(bench.runs).toBe(2);
  await bench.end();
  expect(bench.runs).toBe(2);
});

it('looks by itself when nobody wakes it', async () => {
  bench = new Bench({ intervalMs: 1 });
  bench.loop.wake();
  await bench.end();
  await vi.waitFor(() => expect(bench.runs).toBe(2));
});

it.each([
  ['a tenant failed', failing],
  ['the run itself failed', () => new Error('away')],
])('does not run again for wake-ups right after %s', async (_, outcome) => {
  bench = new Bench();
  bench.loop.wake();
  bench.loop.wake();
  await bench.end(outcome());
  bench.loop.wake();
  await sleep(20);
  expect(bench.runs).toBe(1);
});

it('runs after the rest for a wake-up that came during the failing run or the rest', async () => {
  bench = new Bench({ restMs: 1 });
  bench.loop.wake();
  bench.loop.wake();
  await bench.end(failing());
  await vi.waitFor(() => expect(bench.runs).toBe(2));
  await bench.end(new Error('away'));
  bench.loop.wake();
  await vi.waitFor(() => expect(bench.runs).toBe(3));
  expect(bench.errors).toHaveLength(1);
});

it('tries again by the timer after a failure that nobody wakes it for', async () => {
  bench = new Bench({ restMs: 1, intervalMs: 1 });
  bench.loop.wake();
  await bench.end(failing());
  await vi.waitFor(() => expect(bench.runs).toBe(2));
});

it('waits for the run under way when it is stopped, and starts none after it', async () => {
  bench = new Bench({ intervalMs: 1, restMs: 1 });
  bench.loop.wake();
  bench.loop.wake();
  let stopped = false;
  const stopping = bench.loop.stop().then(() => (stopped = true));
  await turn();
  expect(stopped).toBe(false);
  await bench.end();
  await stopping;
  bench.loop.wake();
  await sleep(20);
  expect(bench.runs).toBe(1);
});
