import { placeholders } from '../placeholders.js';
import { different, type Explainer } from './finding.js';
import { explainGrants, explainRights, type Right } from './rights.js';

const { schema: name, owner, service } = placeholders;

/** The schema itself; whether it exists is asked elsewhere. */
export const schema: Explainer<'schema'> = {
  missing: () => [],
  unknown: () => [],
  changed: (_, expected, actual) => explainRights({ noun: 'the schema', granted: `schema ${name}` }, expected, actual),
};

/** A schema on the search path that the role cannot use: PostgreSQL leaves it out without a word. */
export const sharedSchema: Explainer<'shared schema'> = {
  missing: () => [],
  unknown(object, { exists, ownRole }) {
    if (!exists) return [different(`The shared schema ${object} does not exist, so nothing in it is found.`, null)];
    const words = `The tenant may not use the shared schema ${object}, so its types, operators and functions are not found.`;
    return [different(words, [`grant usage on schema ${object} to ${ownRole ? 'public' : service}`])];
  },
  changed: () => [],
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
