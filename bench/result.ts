import { cpus, loadavg, totalmem } from 'node:os';

/** One ratio against a floor, and what the project promised for it. */
export interface Ratio {
  readonly name: string;
  /** Median over the rounds; each round compares runs that lie next to each other in time. */
  readonly value: number;
  readonly target: number;
  readonly better: 'at least' | 'at most';
  readonly rounds: readonly number[];
}

/** What one benchmark found. */
export interface BenchResult {
  readonly name: string;
  readonly question: string;
  readonly ratios: readonly Ratio[];
  /** The absolute figures behind the ratios: they are this machine's. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** How much a run should do. */
export interface BenchOptions {
  readonly rounds: number;
  readonly quick: boolean;
  readonly log: (line: string) => void;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Compares two series round by round. */
export function ratioOf(name: string, target: number, mine: readonly number[], floor: readonly number[]): Ratio {
  const rounds = mine.map((value, round) => rounded(value / (floor[round] ?? Number.NaN)));
  return { name, value: rounded(median(rounds)), target, better: 'at least', rounds };
}

export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

export function machine(): Record<string, unknown> {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim(),
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    loadBefore: loadavg().map(rounded),
  };
}
