import type { AdoptionGround, Complain } from './adoption-ground.js';
import type { Part } from './layout.js';

/**
 * Parents before children, by the foreign keys of the tenant tables. A key that can be deferred waits for the end of the
 * transaction, and one of a table to itself for the end of the statement: neither orders anything. Pure.
 */
export function orderParts(
  parts: readonly Part[],
  { target, targetSchema }: AdoptionGround,
  complain: Complain,
): number[] {
  const needs = new Map(
    parts.map((part) => {
      const facts = target.find(({ name }) => name === part.as);
      const keys = facts?.foreignKeys.filter(
        ({ toSchema, toTable, deferrable }) => toSchema === targetSchema && toTable !== part.as && !deferrable,
      );
      const parents = parts.filter(({ as }) => keys?.some(({ toTable }) => toTable === as));
      return [part.number, new Set(parents.map(({ number }) => number))] as const;
    }),
  );
  const order: number[] = [];
  while (needs.size > 0) {
    const next = [...needs].find(([, parents]) => [...parents].every((number) => order.includes(number)));
    if (!next) {
      const names = [...needs.keys()].map((number) => `"${parts.find((part) => part.number === number)?.as}"`);
      complain(
        'circle',
        null,
        `Foreign keys of the tenant tables ${names.join(', ')} form a circle. Make one of them deferrable.`,
      );
      return [];
    }
    order.push(next[0]);
    needs.delete(next[0]);
  }
  return order;
}
