import { openBenchDatabase } from './database.ts';
import { sendLoad } from './load.ts';
import { perRequest, ProcessorMeter } from './processor.ts';
import { reportRequests, type Turn, type Turns } from './request-report.ts';
import { requireEqualAnswers, rowsShown, startTargets, type Target, type Targets } from './request-targets.ts';
import type { BenchOptions, BenchResult } from './result.ts';
import type { BenchService } from './service.ts';
import { type Asked, ColdConnections, touchEverywhere } from './warm-up.ts';

type Method = 'GET' | 'POST';

/** What does tenancy cost a request? */
export async function request(options: BenchOptions): Promise<BenchResult> {
  // A table that is analyzed in the middle of a turn would be that turn's.
  const database = await openBenchDatabase('request', { autovacuum: 'off' });
  const services: BenchService[] = [];
  try {
    const { admin, version } = database;
    const targets = await startTargets(database, services, options.quick ? 100 : 1000);
    const { cold, ...warm } = targets;
    await requireEqualAnswers([...Object.values(warm), ...Object.values(cold)]);
    const meter = await ProcessorMeter.open(admin);
    if (!meter) options.log('no processor time: it needs Linux, and PostgreSQL on this machine');
    const measured = { GET: {}, POST: {} } as Record<Method, { warm: Turns; cold: Turns }>;
    for (const method of ['GET', 'POST'] as const) {
      const bench = new RequestBench(method, meter, options);
      options.log(`${method}: every connection meets every tenant`);
      await touchEverywhere(admin, [targets.spread, targets.many], (target) => bench.asked(target));
      measured[method] = { warm: await bench.warm(targets), cold: await bench.cold(targets, admin) };
    }
    return reportRequests(measured, targets, { postgres: version, rounds: options.rounds });
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    await database.close();
  }
}

/** Turns of one method. */
class RequestBench {
  readonly #method: Method;
  readonly #meter: ProcessorMeter | undefined;
  readonly #options: BenchOptions;

  constructor(method: Method, meter: ProcessorMeter | undefined, options: BenchOptions) {
    this.#method = method;
    this.#meter = meter;
    this.#options = options;
  }

  asked({ service }: Target): Asked {
    const method = this.#method;
    if (method === 'GET') return { url: `${service.url}/items?limit=${rowsShown}`, method };
    return { url: `${service.url}/items`, method, body: JSON.stringify({ name: 'an item' }) };
  }

  /** As many requests as possible, on connections that know all that they are asked for. */
  async warm({ plain, spread, one, many, bare }: Targets): Promise<Turns> {
    const { quick, rounds } = this.#options;
    const turns: Turns = new Map();
    // Short turns and many of them: what else happens on the machine meets all targets alike.
    for (const [round, targets] of inTurns([plain, spread, one, many, bare], quick ? rounds : 3 * rounds)) {
      for (const target of targets) {
        // A tenant is known for ten seconds, and a target's turns are further apart: else each would look every tenant up.
        if (target === spread || target === many)
          await this.#turn(target, { seconds: 1, amount: target.tenants.length });
        const turn = await this.#turn(target, { seconds: round > 0 || quick ? 2 : 6 });
        // The first round warms up and is not counted.
        if (round > 0) note(turns, target, turn);
        this.#log(round, target, turn);
      }
    }
    return turns;
  }

  /** One request for each tenant, on connections that have met none of them but one. */
  async cold(
    { cold: { spread, many } }: Targets,
    admin: ConstructorParameters<typeof ColdConnections>[0],
  ): Promise<Turns> {
    const turns: Turns = new Map();
    const connections = new Map([spread, many].map((target) => [target, new ColdConnections(admin)]));
    for (const [round, targets] of inTurns([spread, many], this.#options.rounds)) {
      for (const target of targets) {
        await connections.get(target)?.openAnew(target, this.asked(target));
        // The first time more than once, for what the service's own code learns from its first thousands of requests.
        const times = round === 0 ? 8 : 1;
        const turn = await this.#turn(target, { seconds: 1, amount: times * target.tenants.length });
        if (round > 0) note(turns, target, turn);
        this.#log(round, target, turn, 'cold ');
      }
    }
    return turns;
  }

  async #turn(target: Target, length: { seconds: number; amount?: number }): Promise<Turn> {
    const pid = target.service.child.pid ?? 0;
    const before = this.#meter?.read(pid);
    const load = await sendLoad({ ...this.asked(target), tenants: target.tenants, ...length, connections: 16 });
    const after = this.#meter?.read(pid);
    return { ...load, processorMs: before && after && perRequest(before, after, load.requests) };
  }

  #log(round: number, { name }: Target, { perSecond, processorMs }: Turn, kind = ''): void {
    const { service = 0, postgres = 0 } = processorMs ?? {};
    const ms = processorMs ? `, ${service.toFixed(3)} + ${postgres.toFixed(3)} ms` : '';
    const which = round === 0 ? 'warm-up' : `round ${round}`;
    this.#options.log(`${this.#method} ${kind}${which}: ${name} ${Math.round(perSecond)}/s${ms}`);
  }
}

function note(turns: Turns, { name }: Target, turn: Turn): void {
  turns.set(name, [...(turns.get(name) ?? []), turn]);
}

/** Rounds from 0, with their targets in turned order. */
function* inTurns(targets: readonly Target[], rounds: number): Generator<readonly [number, readonly Target[]]> {
  for (let round = 0; round <= rounds; round++) yield [round, round % 2 === 0 ? targets : targets.toReversed()];
}
