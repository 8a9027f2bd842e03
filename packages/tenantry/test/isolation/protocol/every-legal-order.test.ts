import { describe, expect, it } from 'vitest';
import { handsOnAnything, neverReenters, noGate, skipsPreamble } from './broken-gates.js';
import { explore, type Exploration, tell } from './explore.js';
import { formerFindings } from './former-findings.js';
import { play, type Run } from './play.js';
import { type StepName, steps } from './steps.js';

/**
 * The gate without PostgreSQL: against a server in this process that knows the protocol, transactions, roles and
 * settings, and that answers in every legal order, fails and is cut anywhere. A finding is a line of JSON; with it in
 * PROTOCOL_REPLAY this file plays that run alone and prints each message. PROTOCOL_DEEP=1 looks much further.
 */
const replay = process.env['PROTOCOL_REPLAY'];
const deep = process.env['PROTOCOL_DEEP'] === '1';

const everyStep = Object.keys(steps) as StepName[];

/** A step of each kind: enough for what comes of their order. */
const kinds: readonly StepName[] = [
  'begin',
  'serializable unawaited',
  'insert',
  'fails',
  'function sets role',
  'cursor',
];

const limit = { timeout: deep ? 7_200_000 : 300_000 };

describe.runIf(replay !== undefined)('one run', () => {
  it('is played again', async () => {
    const { trace, violations } = await play(JSON.parse(replay ?? '') as Run, undefined, true);
    console.log(trace.join('\n'));
    expect(violations).toEqual([]);
  });
});

describe.runIf(replay === undefined)('against a server that answers in every legal order', () => {
  it('keeps its law when a single statement is disturbed in every place', limit, async () => {
    await expectLaw({ steps: everyStep, length: 0, disturbed: true });
    await expectLaw({ steps: everyStep, length: 1, disturbed: true });
  });

  it.each(formerFindings)('keeps its law where it once did not: $program', async (run) => {
    expect((await play(run)).violations).toEqual([]);
  });

  it('keeps its law where nothing may be prepared by name, and on an older PostgreSQL', limit, async () => {
    const some = { steps: deep ? everyStep : kinds, length: 1, disturbed: true };
    await expectLaw({ ...some, unnamed: true });
    await expectLaw({ ...some, version: 15 });
  });

  it('keeps its law in every pair of steps', limit, async () => {
    await expectLaw({ steps: everyStep, length: 2, disturbed: deep, deliveries: ['message'] });
  });

  it('keeps its law when pairs of every kind are disturbed in every place', limit, async () => {
    await expectLaw({ steps: kinds, length: 2, disturbed: true, deliveries: ['merged', 'byte'] });
  });

  it('keeps its law in longer runs', limit, async () => {
    await expectLaw({ steps: deep ? everyStep : kinds, length: 3, deliveries: ['message'] });
  });
});

describe.runIf(replay === undefined)('without a part of the gate', () => {
  it.each([
    ['no gate', noGate, 'ran as login'],
    ['a gate that skips what enters the scope', skipsPreamble, 'ran as login'],
    ['a gate that does not enter a scope again', neverReenters, 'of a ran as b_shop'],
    ['a pool that hands on what is not idle', handsOnAnything, 'got a connection with an open transaction'],
  ])('%s is caught', limit, async (_, makePool, violation) => {
    const found: string[] = [];
    for (const length of [1, 2, 3]) {
      const { findings } = await explore({
        steps: twinSteps,
        length,
        makePool,
        most: Infinity,
        deliveries: ['message'],
      });
      found.push(...findings.flatMap(({ violations }) => violations));
    }
    expect(found.some((each) => each.includes(violation))).toBe(true);
  });
});

/** Few, so that all of their orders are soon tried. */
const twinSteps: readonly StepName[] = ['select', 'begin', 'function sets role'];

async function expectLaw(exploration: Exploration): Promise<void> {
  const { runs, findings } = await explore(exploration);
  expect(runs).toBeGreaterThan(0);
  expect(tell(findings)).toBe('');
}
