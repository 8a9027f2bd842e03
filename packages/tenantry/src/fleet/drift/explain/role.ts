import { placeholders } from '../placeholders.js';
import { different, type Explainer, type Finding, missing } from './finding.js';

const { tenant, service } = placeholders;

/** The tenant role: what PostgreSQL lets code in this tenant's scope do. */
export const role: Explainer<'role'> = {
  missing: () => [],
  unknown: () => [],
  changed(_, expected, actual, { serverVersion }) {
    const terms = serverVersion >= 160_000 ? ' with inherit false, set true' : '';
    const grant = `grant ${tenant} to ${service}${terms}`;
    if (expected.exists && !actual.exists)
      return [missing(`The tenant role ${tenant}`, [`create role ${tenant} nologin`, grant])];
    const findings: Finding[] = [];
    if (actual.attributes !== expected.attributes) {
      const taken = actual.attributes.split(' ').map((attribute) => `no${attribute}`);
      findings.push(
        different(`The tenant role has ${actual.attributes}; it should have no rights of its own.`, [
          `alter role ${tenant} ${taken.join(' ')}`,
        ]),
      );
    }
    if (expected.granted && !actual.granted) {
      findings.push(
        different('The service role may not switch to the tenant role, so this tenant is not served.', [grant]),
      );
    }
    if (actual.inherited && !expected.inherited) {
      findings.push(different('The service role has the rights of the tenant role outside a scope too.', [grant]));
    }
    return findings;
  },
};
