import { describe, expect, it } from 'vitest';
import { ScopedPool } from '../../../src/isolation/scoped-pool.js';
import { explore, type Exploration, tell } from './explore.js';
import { type MakePool, play, type Run } from './play.js';
import { type StepName, steps } from './steps.js';

/**
 * The gate without PostgreSQL: against a server in this process that knows the protocol, transactions, roles and
 * settings, and that answers in every legal order, fails and cuts anywhere. A finding is a line of JSON; with it in
 * PROTOCOL_REPLAY this file plays that run alone and prints each message. PROTOCOL_DEEP=1 looks much further.
 */
const replay = process.env['PROTOCOL_REPLAY'];
const deep = process.env['PROTOCOL_DEEP'] === '1';

const everyStep = Object.keys(steps) as StepName[];

/** A step of each kind: enough for what comes of their order. */
const kinds: readonly StepName[] = [
  'select',
  'select unawaited',
  'begin',
  'serializable unawaited',
  'commit',
  'insert',
  'fails',
  'function sets role',
  'object',
  'cursor',
];

const limit = { timeout: deep ? 3_600_000 : 300_000 };

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

  it('keeps its law in every pair of steps', limit, async () => {
    await expectLaw({ steps: everyStep, length: 2, disturbed: deep, deliveries: deep ? undefined : ['message'] });
  });

  it('keeps its law when pairs of every kind are disturbed in every place', limit, async () => {
    await expectLaw({ steps: kinds, length: 2, disturbed: true, deliveries: ['merged'] });
  });

  it('keeps its law in longer runs', limit, async () => {
    await expectLaw({ steps: deep ? everyStep : kinds, length: 3, deliveries: ['message'] });
  });
});

describe.runIf(replay === undefined)('without a part of the gate', () => {
  it('a pool that hands on what is not idle is caught', async () => {
    const careless: MakePool = (config) => new ScopedPool(config).removeAllListeners('release');
    const { findings } = await explore({ steps: kinds, length: 1, makePool: careless, most: 1000 });
    expect(tell(findings)).toContain('b got a connection with an open transaction');
  });
});

async function expectLaw(exploration: Exploration): Promise<void> {
  const { findings } = await explore(exploration);
  expect(tell(findings)).toBe('');
}
