import { placeholders } from '../placeholders.js';
import type { Membership, RoleFacts } from '../schema-object.js';
import { different, type Explainer, type Finding, missing, same } from './finding.js';

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
    if (actual.administered && !expected.administered) {
      const words = 'The service role may give the tenant role to others.';
      findings.push(different(words, [`revoke admin option for ${tenant} from ${service}`]));
    }
    return [...findings, ...explainMemberships(expected, actual, serverVersion)];
  },
};

/** Whoever is a member has this tenant's rows; what it is a member of, it has too. */
function explainMemberships(expected: RoleFacts, actual: RoleFacts, serverVersion: number): readonly Finding[] {
  const extra = (is: readonly Membership[] | null, should: readonly Membership[] | null) =>
    (is ?? []).filter((each) => !(should ?? []).some((other) => same(each, other)));
  const by = (grantor: string) => (serverVersion >= 160_000 ? ` granted by ${grantor}` : '');
  return [
    ...extra(actual.members, expected.members).map(({ role: member, by: grantor }) =>
      different(`The role ${member} is a member of the tenant role, and so reaches this tenant's rows.`, [
        `revoke ${tenant} from ${member}${by(grantor)}`,
      ]),
    ),
    ...extra(actual.groups, expected.groups).map(({ role: group, by: grantor }) =>
      different(`The tenant role is a member of the role ${group}, and so this tenant reaches what that one may.`, [
        `revoke ${group} from ${tenant}${by(grantor)}`,
      ]),
    ),
  ];
}
