import type { Change } from './change.js';
import { type Evidence, type Findings, writerOf } from './findings.js';
import { fatesOf } from './fates.js';
import type { Fault } from './fault.js';
import { checkRead } from './check-read.js';
import { checkRefusal } from './check-refusal.js';
import type { Operation } from './history.js';

/** Judges a history against what is there at its end. Pure; answers every fault it finds, at most 50. */
export function checkHistory(evidence: Evidence): readonly Fault[] {
  const faults: Fault[] = [];
  const { operations } = evidence;
  const { changes, standing } = fatesOf(operations);
  believeWhatWasSeen(operations, changes);
  const findings: Findings = {
    ...evidence,
    changesOf: Map.groupBy(changes, ({ token }) => token),
    disturbances: operations.filter(({ kind }) => kind === 'erase' || kind === 'revoke'),
    report: (kind, says, ...shown) => {
      if (faults.length < 50) faults.push({ kind, says, operations: shown.filter((each) => each !== undefined) });
    },
  };
  for (const operation of operations) {
    const where = standing.get(operation);
    if (!where) continue;
    checkRead(findings, operation, where);
    checkRefusal(findings, operation, where);
  }
  checkEnd(findings);
  return faults;
}

/** A row that another transaction has read is committed, whether or not its writer heard of that. */
function believeWhatWasSeen(operations: readonly Operation[], changes: readonly Change[]): void {
  const unknown = new Map(
    changes.flatMap((each) => (each.fate === 'unknown' && each.operation.kind === 'write' ? [[each.token, each]] : [])),
  );
  if (unknown.size === 0) return;
  for (const operation of operations) {
    if (operation.kind !== 'read' || operation.late) continue;
    for (const token of operation.answer?.tokens ?? []) {
      const write = unknown.get(token);
      if (!write || write.operation.line === operation.line) continue;
      unknown.delete(token);
      Object.assign(write, { fate: 'committed', asked: write.operation.begun, settled: operation.answered });
    }
  }
}

/** What is there at the end is what was acknowledged, each row once, and nothing else than what may be. */
function checkEnd({ before, after, changesOf, disturbances, report }: Findings): void {
  const there = new Map<string, number>();
  for (const [tenant, tokens] of after) {
    for (const token of tokens) {
      there.set(token, (there.get(token) ?? 0) + 1);
      const writer = writerOf(token);
      if (writer !== tenant)
        report('misplaced row', `${token} lies among the rows of ${tenant}`, ...operationsOf(changesOf.get(token)));
    }
  }
  const known = new Set([...[...before.values()].flat(), ...changesOf.keys()]);
  for (const token of there.keys()) if (!known.has(token)) report('risen row', `nobody wrote ${token}`);
  for (const [tenant, tokens] of before) {
    for (const token of tokens) judge(token, { tenant, fate: 'committed', begun: 0, settled: 0 });
  }
  for (const [token, changes] of changesOf) {
    const [write] = changes.filter(({ operation }) => operation.kind === 'write');
    if (write) judge(token, { tenant: writerOf(token), begun: write.operation.begun, ...write });
  }

  function judge(token: string, write: Pick<Change, 'fate' | 'settled'> & { tenant: string; begun: number }): void {
    const changes = changesOf.get(token) ?? [];
    const count = there.get(token) ?? 0;
    const deletes = changes.filter(({ operation }) => operation.kind === 'delete');
    const erasures = disturbances.filter(({ kind, tenant }) => kind === 'erase' && tenant === write.tenant);
    const deleted = deletes.filter(({ fate }) => fate === 'committed');
    const mayBeMissing =
      deletes.some(({ fate }) => fate !== 'gone') || erasures.some(({ answered = Infinity }) => write.begun < answered);
    if (count > 1) report('double write', `${token} is there ${count} times`, ...operationsOf(changes));
    if (deleted.length > 1) report('wrong answer', `${token} was deleted twice`, ...operationsOf(deleted));
    if (write.fate === 'committed' && count === 0 && !mayBeMissing)
      report('lost write', `${token} was acknowledged and is not there`, ...operationsOf(changes));
    if (write.fate === 'gone' && count > 0)
      report('risen row', `${token} was refused or rolled back and is there`, ...operationsOf(changes));
    if (deleted.length > 0 && count > 0)
      report('risen row', `${token} was deleted and is there`, ...operationsOf(changes));
    if (count > 0 && erasures.some(({ begun, outcome }) => outcome === 'done' && write.settled < begun))
      report('risen row', `${token} was erased with its tenant and is there`, ...operationsOf(changes));
  }
}

function operationsOf(changes: readonly Change[] = []): Operation[] {
  return changes.map(({ operation }) => operation);
}
