import { type Findings, writerOf } from './findings.js';
import type { Change } from './change.js';
import type { Standing } from './fates.js';
import type { Operation } from './history.js';

/** Judges what one operation was answered: whose rows, as whom, in which transaction, and whether they are what was committed. */
export function checkRead(findings: Findings, operation: Operation, standing: Standing): void {
  const { kind, answer, outcome, tenant } = operation;
  if (outcome !== 'done' || !answer) return;
  checkScope(findings, operation, standing);
  if (kind !== 'read' || !answer.tokens) return;
  const foreign = answer.tokens.filter((token) => writerOf(token) !== tenant);
  for (const token of foreign) {
    const [write] = findings.changesOf.get(token) ?? [];
    findings.report('foreign row', `${tenant} was shown ${token}: ${operation.what}`, operation, write?.operation);
  }
  if (foreign.length === 0 && !operation.late) checkRows(findings, operation, standing);
}

function checkScope({ roleOf, limit, report, operations }: Findings, operation: Operation, standing: Standing): void {
  const { tenant, id, late, what } = operation;
  const { role, asked, level, limit: given, leak, tag } = operation.answer ?? {};
  if (role !== undefined && role !== roleOf(tenant))
    report('wrong scope', `${what} of ${tenant} ran as ${role}`, operation);
  if (asked !== undefined && asked !== String(id))
    report('wrong answer', `operation ${id} was given the answer to ${asked}`, operation);
  if (leak !== undefined && leak !== '') report('wrong scope', `${tenant} reads the setting "${leak}"`, operation);
  if (given !== undefined && limit !== undefined && given !== limit && !standing.limitsChanged && !late && !changing())
    report('wrong scope', `${what} of ${tenant} ran with a statement timeout of ${given}, not ${limit}`, operation);
  // By a statement of the same transaction that was under way at the same time.
  function changing(): boolean {
    const { line, begun, answered = Infinity } = operation;
    return operations.some(
      (each) =>
        each.kind === 'limits' && each.line === line && each.begun < answered && (each.answered ?? Infinity) > begun,
    );
  }
  const { transaction } = standing;
  if (late || transaction?.doubtful) return;
  const { began } = transaction ?? {};
  if (began && began.tenant !== tenant && (role !== undefined || tag !== undefined))
    report('wrong transaction', `${what} of ${tenant} ran in a transaction of ${began.tenant}`, began, operation);
  const expected = transaction?.level ?? 'read committed';
  if (level !== undefined && expected !== 'unknown' && level !== expected)
    report('wrong transaction', `${what} ran under ${level} instead of ${expected}`, began, operation);
}

/** A read sees what was acknowledged before it, and nothing that nobody had asked to commit. */
function checkRows(findings: Findings, read: Operation, { transaction, own }: Standing): void {
  const { changesOf, before, report, disturbances } = findings;
  const { tenant, begun, answered = Infinity, partial, what } = read;
  const seen = new Set(read.answer?.tokens);
  const erasures = disturbances.filter(({ kind, tenant: whose }) => kind === 'erase' && whose === tenant);
  // Read committed sees what stood when it was sent; the others what stood when their transaction began.
  const level = transaction?.level ?? 'read committed';
  const since = transaction && (level !== 'read committed' || transaction.doubtful) ? transaction.began.begun : begun;
  const wasThere = (change: Change) => (change.operation.answered ?? Infinity) < begun;
  const inOwn = (change: Change) => transaction !== undefined && change.transaction === transaction;

  for (const token of seen) {
    const changes = changesOf.get(token) ?? [];
    const [write] = changes.filter(({ operation }) => operation.kind === 'write');
    if (!write && !before.get(tenant)?.includes(token)) report('risen row', `nobody wrote ${token}`, read);
    if (write) {
      if (write.fate === 'gone' && (!inOwn(write) || write.settled < begun))
        report('risen row', `${token}, never committed, was read`, write.operation, read);
      else if (write.fate === 'committed' && write.asked > answered && !inOwn(write))
        report('risen row', `${token} was read before its commit was asked for`, write.operation, read);
    }
    const gone = changes.find((change) => isDelete(change) && change.fate === 'committed' && change.settled < since);
    if (gone) report('risen row', `${token} was deleted before and was read: ${what}`, gone.operation, read);
    if (own.some((change) => change.token === token && isDelete(change) && wasThere(change)))
      report('risen row', `${token} was deleted in this transaction and was read`, read);
  }
  if (partial) return;
  for (const change of own) {
    const { token } = change;
    const deleted = changesOf.get(token)?.some(isDelete);
    if (
      !isDelete(change) &&
      wasThere(change) &&
      !seen.has(token) &&
      !deleted &&
      !transaction?.doubtful &&
      !erasedMeanwhile(0)
    )
      report('lost write', `${token}, written in this transaction, was not read`, change.operation, read);
  }
  for (const token of before.get(tenant) ?? []) expect(token, 0, 0);
  for (const [token, changes] of changesOf) {
    const [write] = changes.filter(({ operation }) => operation.kind === 'write');
    if (write?.fate === 'committed' && writerOf(token) === tenant) expect(token, write.operation.begun, write.settled);
  }

  function expect(token: string, writtenAt: number, settled: number): void {
    if (settled >= since || seen.has(token) || erasedMeanwhile(writtenAt)) return;
    const changes = changesOf.get(token) ?? [];
    const mayBeDeleted = (change: Change) =>
      isDelete(change) &&
      change.operation.begun < answered &&
      (change.fate !== 'gone' || inOwn(change)) &&
      change.operation.outcome !== 'refused';
    if (!changes.some(mayBeDeleted))
      report('lost write', `${token} was acknowledged and was not read: ${what}`, changes[0]?.operation, read);
  }

  function erasedMeanwhile(writtenAt: number): boolean {
    return erasures.some((erase) => erase.begun < answered && writtenAt < (erase.answered ?? Infinity));
  }
}

function isDelete({ operation }: Change): boolean {
  return operation.kind === 'delete';
}
