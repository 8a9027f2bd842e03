import { everyDisturbance, type Delivery } from './disturbance.js';
import { type MakePool, play, type Run } from './play.js';
import { oneFlight } from './scripted-server.js';
import type { StepName } from './steps.js';

/** A run that went wrong, with what went wrong in it. */
export interface Finding {
  readonly run: Run;
  readonly violations: readonly string[];
}

/** What to look through. */
export interface Exploration {
  /** What programs are made of. */
  readonly steps: readonly StepName[];
  /** Steps of a program. */
  readonly length: number;
  /** Whether every program is also disturbed in every place. */
  readonly disturbed?: boolean;
  /** Ways of delivery that are tried without a disturbance. @default all */
  readonly deliveries?: readonly Delivery[];
  /** Whether nothing is prepared by name. */
  readonly unnamed?: boolean;
  /** Major version of PostgreSQL. @default 18 */
  readonly version?: number;
  /** What is tried. @default the gate */
  readonly makePool?: MakePool;
  /** Findings after which it looks no further. @default 20 */
  readonly most?: number;
}

/** What was looked through. */
export interface Explored {
  readonly runs: number;
  readonly findings: readonly Finding[];
}

const start = { in: 0, out: 0 };
const end = { in: Infinity, out: Infinity };

/** Plays every program of a length. */
export async function explore(exploration: Exploration): Promise<Explored> {
  const { most = 20 } = exploration;
  const findings: Finding[] = [];
  let runs = 0;
  for await (const finding of allRuns(exploration)) {
    runs++;
    if (finding.violations.length > 0) findings.push(finding);
    if (findings.length >= most) break;
  }
  return { runs, findings };
}

async function* allRuns({
  steps,
  length,
  disturbed = false,
  deliveries = ['message', 'merged', 'byte'],
  unnamed,
  version,
  makePool,
}: Exploration): AsyncGenerator<Finding> {
  for (const program of programs(steps, length)) {
    for (const delivery of deliveries) yield await tryRun({ program, delivery, unnamed, version }, makePool);
    if (!disturbed) continue;
    const { places } = await play({ program, unnamed, version }, makePool);
    const [from = start, to = end] = program.length === 0 ? [] : places.handOvers;
    for (const disturbance of everyDisturbance(places, from, { in: to.in + oneFlight, out: to.out + oneFlight }))
      yield await tryRun({ program, disturbance, unnamed, version }, makePool);
  }
}

async function tryRun(run: Run, makePool: MakePool | undefined): Promise<Finding> {
  return { run, violations: (await play(run, makePool)).violations };
}

/** Every sequence of steps of a length. */
function* programs(steps: readonly StepName[], length: number): Generator<StepName[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const first of steps) for (const rest of programs(steps, length - 1)) yield [first, ...rest];
}

/** Findings as text: what was wrong, and the run as JSON, which plays it again. */
export function tell(findings: readonly Finding[]): string {
  return findings.map(({ run, violations }) => `${JSON.stringify(run)}\n  ${violations.join('\n  ')}`).join('\n');
}
