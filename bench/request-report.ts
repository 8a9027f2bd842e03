import type { LoadResult } from './load.ts';
import type { ProcessorTime } from './processor.ts';
import type { Targets } from './request-targets.ts';
import { type BenchResult, median, type Ratio, ratioOf, rounded } from './result.ts';

/** A load, and what each of its requests took of the processor. */
export interface Turn extends LoadResult {
  readonly processorMs: ProcessorTime | undefined;
}

/** A target's turns, by its name. */
export type Turns = Map<string, Turn[]>;

type Measured = Record<'GET' | 'POST', { readonly warm: Turns; readonly cold: Turns }>;

/** What the project promised for processor time: the floor's, divided by tenancy's. */
const promised = { one: { GET: 0.95, POST: 0.97 }, many: 0.97 };

/** Compares every target with its floors. */
export function reportRequests(
  measured: Measured,
  targets: Targets,
  about: { readonly postgres: string; readonly rounds: number },
): BenchResult {
  const ratios = (['GET', 'POST'] as const).flatMap((method) => [
    ...processorRatios(method, measured[method], targets),
    ...throughputRatios(method, measured[method].warm, targets),
  ]);
  const figures = ({ warm, cold }: Measured['GET']) => ({ warm: figuresOf(warm), cold: figuresOf(cold) });
  return {
    name: 'request',
    question:
      'What does tenancy cost a request? Processor time of the service and of PostgreSQL, and throughput; 16 connections, the load on the same two cores.',
    ratios,
    figures: { ...about, GET: figures(measured.GET), POST: figures(measured.POST) },
  };
}

function processorRatios(method: 'GET' | 'POST', { warm, cold }: Measured['GET'], targets: Targets): Ratio[] {
  const { plain, spread, one, many } = targets;
  const ms = (turns: Turns, name: string) =>
    (turns.get(name) ?? []).flatMap(({ processorMs: taken }) => (taken ? [taken.service + taken.postgres] : []));
  if (ms(warm, plain.name).length === 0) return [];
  // Less is better, so the floor is divided by what is measured.
  const compare = (mine: string, floor: string, against: string, target: number, turns = warm) =>
    ratioOf(
      `${method} /items, processor time${turns === cold ? ', cold' : ''}, ${mine}, against ${against}`,
      target,
      ms(turns, floor),
      ms(turns, mine),
    );
  return [
    compare(one.name, plain.name, 'the same app without', promised.one[method]),
    compare(many.name, spread.name, 'the same app without, over the same schemas', promised.many),
    compare(many.name, plain.name, 'the same app without', 0),
    compare(spread.name, plain.name, 'the same app with one schema', 0),
    compare(many.name, spread.name, 'the same app without, over the same schemas', 0, cold),
  ];
}

function throughputRatios(method: 'GET' | 'POST', warm: Turns, targets: Targets): Ratio[] {
  const { plain, spread, one, many, bare } = targets;
  const perSecond = (name: string) => (warm.get(name) ?? []).map((turn) => turn.perSecond);
  const compare = (mine: string, floor: string, against: string, target: number) =>
    ratioOf(`${method} /items, ${mine}, against ${against}`, target, perSecond(mine), perSecond(floor));
  return [
    compare(one.name, plain.name, 'the same app without', 0.95),
    compare(many.name, plain.name, 'the same app without', 0.95),
    compare(one.name, bare.name, 'bare Fastify and pg', method === 'GET' ? 0.5 : 0),
    // The price of many tables, and what tenancy adds to it.
    compare(spread.name, plain.name, 'the same app with one schema', 0),
    compare(many.name, spread.name, 'the same app without, over the same schemas', 0),
  ];
}

function figuresOf(turns: Turns): Record<string, unknown> {
  const middle = (of: Turn[], value: (turn: Turn) => number) => rounded(median(of.map(value)));
  return Object.fromEntries(
    [...turns].map(([name, of]) => [
      name,
      {
        perSecond: Math.round(middle(of, ({ perSecond }) => perSecond)),
        p50Ms: middle(of, ({ p50Ms }) => p50Ms),
        p99Ms: middle(of, ({ p99Ms }) => p99Ms),
        ...(of[0]?.processorMs && {
          serviceMs: middle(of, ({ processorMs }) => processorMs?.service ?? 0),
          postgresMs: middle(of, ({ processorMs }) => processorMs?.postgres ?? 0),
          // Of both: what disturbs a turn adds to it, and takes nothing away.
          lowestMs: rounded(Math.min(...of.map(({ processorMs: ms }) => (ms ? ms.service + ms.postgres : Infinity)))),
        }),
      },
    ]),
  );
}
