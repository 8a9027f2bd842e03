import { checkOwning } from './checks/owning.js';
import { checkHardening } from './checks/hardening.js';
import { checkPooling } from './checks/pooling.js';
import { checkRights } from './checks/rights.js';
import { checkRoles } from './checks/roles.js';
import { checkServer } from './checks/server.js';
import type { DoctorFacts } from './doctor-facts.js';
import type { DoctorFinding, Severity } from './doctor-finding.js';

const order: readonly Severity[] = ['unsafe', 'weak', 'note'];

/** Everything that weakens a promise, the worst first. Pure. */
export function findingsOf(facts: DoctorFacts): readonly DoctorFinding[] {
  const findings = [checkRoles, checkOwning, checkRights, checkHardening, checkServer, checkPooling].flatMap(
    (check) => [...check(facts)],
  );
  return findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}
