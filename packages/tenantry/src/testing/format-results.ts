import type { ProbeResult } from './attempt.js';

/**
 * Results as a table for people. Pure.
 *
 * @example
 * log(formatResults(await probe(tenancy, em, { as: 'acme', target: 'globex' })));
 */
export function formatResults(results: readonly ProbeResult[]): string {
  const width = Math.max(...results.map(({ name }) => name.length), 'attempt'.length);
  const rows = results.map(({ outcome, name, detail }) => [outcome, name, detail] as const);
  return [['outcome', 'attempt', 'detail'] as const, ...rows]
    .map(([outcome, name, detail]) => `  ${outcome.padEnd(14)}  ${name.padEnd(width)}  ${detail}`.trimEnd())
    .join('\n');
}
