import type { Rows } from './findings.js';
import { checkHistory } from './check-history.js';
import type { FaultKind } from './fault.js';
import type { Kind, Operation } from './history.js';

/** A history written by hand, for tests of what judges histories. */
export class HandMade {
  readonly operations: Operation[] = [];
  #ticks = 0;

  /** One operation of tenant `a` on line 1, answered before the next one begins, unless said otherwise. */
  add(kind: Kind, details: Partial<Operation> = {}): Operation {
    const operation: Operation = {
      id: this.operations.length,
      task: 0,
      tenant: 'a',
      line: 1,
      kind,
      what: kind,
      begun: ++this.#ticks,
      answered: ++this.#ticks,
      outcome: 'done',
      ...details,
    };
    this.operations.push(operation);
    return operation;
  }

  /** Several that were under way at the same time: each began before any was answered. */
  together(...each: readonly (readonly [Kind, Partial<Operation>?])[]): void {
    const begun = this.#ticks;
    this.#ticks += 2 * each.length;
    for (const [index, [kind, details]] of each.entries())
      this.add(kind, { begun: begun + 1 + index, answered: begun + 1 + each.length + index, ...details });
  }

  begin(details: Partial<Operation> = {}): Operation {
    return this.add('begin', { answer: { tag: 'BEGIN' }, ...details });
  }

  commit(details: Partial<Operation> = {}): Operation {
    return this.add('commit', { answer: { tag: 'COMMIT' }, ...details });
  }

  write(token: string, details: Partial<Operation> = {}): Operation {
    return this.add('write', { tokens: [token], ...details });
  }

  delete(token: string, details: Partial<Operation> = {}): Operation {
    return this.add('delete', { tokens: [token], answer: { tokens: [token] }, ...details });
  }

  read(tokens: readonly string[], details: Partial<Operation> = {}): Operation {
    return this.add('read', { ...details, answer: { tokens, ...details.answer } });
  }

  /** What is found wrong with it, when this is what is there at its end. */
  faults(after: Record<string, readonly string[]>, before: Record<string, readonly string[]> = {}): FaultKind[] {
    const rows = (each: Record<string, readonly string[]>): Rows => new Map(Object.entries({ a: [], b: [], ...each }));
    const faults = checkHistory({
      operations: this.operations,
      before: rows(before),
      after: rows(after),
      roleOf: (tenant) => `${tenant}_soak`,
      limit: '2s',
    });
    return [...new Set(faults.map(({ kind }) => kind))];
  }
}
