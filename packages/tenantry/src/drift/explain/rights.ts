import { placeholders } from '../placeholders.js';
import type { Acl, Owned } from '../schema-object.js';
import { type Finding, sentence } from './finding.js';

/** How an object is called in a sentence, and by `grant` and `alter`. */
export interface Called {
  /** `table widget`. */
  readonly noun: string;
  /** As after `grant … on`: `table "acme_shop".widget`. */
  readonly granted: string;
  /** As after `alter`. @default `granted` */
  readonly altered?: string;
}

/** Differences of owner and grants. Pure. */
export function explainRights(called: Called, expected: Owned, actual: Owned): readonly Finding[] {
  const owner: Finding[] =
    expected.owner === actual.owner || expected.owner === null || actual.owner === null
      ? []
      : [
          {
            problem: 'owner',
            words: `${sentence(called.noun)} belongs to ${roleInWords(actual.owner)}, not to ${roleInWords(expected.owner)}.`,
            repair: [`alter ${called.altered ?? called.granted} owner to ${expected.owner}`],
          },
        ];
  return [
    ...owner,
    ...explainGrants(called.noun, expected.acl, actual.acl, (right) => grantSql(right, called.granted)),
  ];
}

/** One role's rights that are to be given or taken. */
export interface Right {
  readonly verb: 'grant' | 'revoke';
  readonly privileges: readonly string[];
  readonly role: string;
  readonly grantable: boolean;
}

/** Differences of grants alone, with SQL of the caller's form. Pure. */
export function explainGrants(
  noun: string,
  expected: Acl,
  actual: Acl,
  sql: (right: Right) => string,
): readonly Finding[] {
  const [should, does] = [new Set(expected), new Set(actual)];
  const extra = rightsOf(
    'revoke',
    [...does].filter((entry) => !should.has(entry)),
  );
  const lacking = rightsOf(
    'grant',
    [...should].filter((entry) => !does.has(entry)),
  );
  // Revokes come first: revoking a right with grant option takes the right itself as well, and a later grant gives it
  // back.
  return [
    ...extra.map((right) => ({
      problem: 'grants' as const,
      words: `${sentence(roleInWords(right.role))} has ${right.privileges.join(', ')} on ${noun}${right.grantable ? ' and may grant it on' : ''}, which no migration gives.`,
      repair: [sql(right)],
    })),
    ...lacking.map((right) => ({
      problem: 'grants' as const,
      words: `${sentence(roleInWords(right.role))} lacks ${right.privileges.join(', ')} on ${noun}.`,
      repair: [sql(right)],
    })),
  ];
}

/** What is granted on a new object, as far as it is not its owner's own. */
export function grantsOf(acl: Acl, granted: string): readonly string[] {
  return rightsOf(
    'grant',
    [...(acl ?? [])].filter((entry) => !entry.startsWith(`${placeholders.owner}:`)),
  ).map((right) => grantSql(right, granted));
}

function grantSql({ verb, privileges, role, grantable }: Right, granted: string): string {
  const preposition = verb === 'grant' ? 'to' : 'from';
  const on = verb === 'grant' && grantable ? ' with grant option' : '';
  return `${verb} ${privileges.join(', ')} on ${granted} ${preposition} ${role}${on}`;
}

function rightsOf(verb: Right['verb'], entries: readonly string[]): Right[] {
  const rights = new Map<string, Right>();
  for (const entry of entries) {
    const colon = entry.lastIndexOf(':');
    const role = entry.slice(0, colon);
    const grantable = entry.endsWith('*');
    const privilege = entry.slice(colon + 1).replace('*', '');
    const key = `${role}${grantable ? '*' : ''}`;
    const privileges = [...(rights.get(key)?.privileges ?? []), privilege].toSorted();
    rights.set(key, { verb, privileges, role, grantable });
  }
  return [...rights.values()];
}

export function roleInWords(role: string): string {
  if (role === placeholders.owner) return 'the owner role';
  if (role === placeholders.tenant) return 'the tenant role';
  if (role === placeholders.service) return 'the service role';
  return role === 'public' ? 'everybody (public)' : `the role ${role}`;
}
