import type { Run } from './play.js';

/** Runs that went wrong once, with a gate that has been mended since; places may have moved a little. */
export const formerFindings: readonly Run[] = [
  // The scope of a transaction that was begun cannot be entered, and every statement after it is refused.
  ...[17, 18, 19, 20].map((at): Run => ({ program: ['begin', 'select', 'insert'], disturbance: { kind: 'fail', at } })),
  // Given back while another connection is had for a statement that its own had not heard of.
  ...(['message', 'merged', 'byte'] as const).map((delivery): Run => ({
    program: ['function deallocates', 'fails unawaited'],
    delivery,
  })),
  { program: ['select', 'select unawaited'], disturbance: { kind: 'lose', at: 9 } },
  // A cursor that is refused, in whose turn PostgreSQL hangs up.
  ...[11, 12, 13].flatMap((at): Run[] => [
    { program: ['rollback to', 'cursor chains', 'set local'], delivery: 'byte', disturbance: { kind: 'fatal', at } },
    { program: ['commit and chain', 'cursor with hold'], unnamed: true, disturbance: { kind: 'fatal', at } },
  ]),
  // A scope that is not entered in a transaction, before a query object.
  ...[1, 2, 3, 4, 5].map((at): Run => ({ program: ['begin', 'object'], disturbance: { kind: 'fail', at } })),
];
