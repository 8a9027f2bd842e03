import { placeholders } from '../placeholders.js';
import type { Explainer } from './finding.js';
import { explainGrants, explainRights, type Right } from './rights.js';

const { schema: name, owner } = placeholders;

/** The schema itself; whether it exists is asked elsewhere. */
export const schema: Explainer<'schema'> = {
  missing: () => [],
  unknown: () => [],
  changed: (_, expected, actual) => explainRights({ noun: 'the schema', granted: `schema ${name}` }, expected, actual),
};

/** Rights on what later migrations add. */
export const defaultPrivileges: Explainer<'default privileges'> = {
  missing: (object, expected) => explain(object, expected.acl, null),
  unknown: (object, actual) => explain(object, null, actual.acl),
  changed: (object, expected, actual) => explain(object, expected.acl, actual.acl),
};

function explain(object: string, expected: readonly string[] | null, actual: readonly string[] | null) {
  const sql = ({ verb, privileges, role, grantable }: Right) => {
    const what = `${verb} ${privileges.join(', ')} on ${object} ${verb === 'grant' ? 'to' : 'from'} ${role}`;
    const on = verb === 'grant' && grantable ? ' with grant option' : '';
    return `alter default privileges for role ${owner} in schema ${name} ${what}${on}`;
  };
  return explainGrants(`${object} of later migrations (default privileges)`, expected, actual, sql);
}
