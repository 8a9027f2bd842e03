import { explainUnfit } from '../../isolation/shared-schemas.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import type { DoctorFacts, RightsFacts } from '../doctor-facts.js';
import type { DoctorFinding } from '../doctor-finding.js';
import { schemas } from './roles.js';

/** What everybody may do, and where names lead that say no schema. Pure. */
export function* checkRights({ isolation, service, rights }: DoctorFacts): Iterable<DoctorFinding> {
  if (!rights) return;
  const { publicised, openings, searchPaths } = rights;
  if (publicised.count > 0) {
    yield {
      code: 'TENANTS_PUBLIC',
      severity: 'unsafe',
      sentence: `Everybody (PUBLIC) has rights in ${schemas(publicised)} or on its tables, so other tenants have them too.`,
      change:
        'Run: revoke all on schema … from public; revoke all on all tables in schema … from public; tenantry drift names each.',
    };
  }
  const { memberships, unfitSchemas } = rights;
  if (memberships.count > 0) {
    yield {
      code: 'TENANT_ROLES_ENTANGLED',
      severity: 'unsafe',
      sentence: `Tenant roles have ${memberships.count} ${memberships.count === 1 ? 'membership' : 'memberships'} that Tenantry does not grant, such as ${memberships.example}: who is a member of a tenant's role has its rows.`,
      change: `Run: revoke ${memberships.example?.replace(' to ', ' from ')}; tenantry drift names each.`,
    };
  }
  if (rights.eventTriggers.length > 0) {
    yield {
      code: 'EVENT_TRIGGERS',
      severity: 'note',
      sentence: `Event triggers run with every statement of a rollout and of a new tenant, and may change or refuse it: ${rights.eventTriggers.join('; ')}.`,
      change: 'Look whether each is wanted; alter event trigger … disable switches one off.',
    };
  }
  yield* checkSharedSchemas(unfitSchemas, isolation === 'role' ? 'public' : service.role);
  for (const { of, value } of searchPaths) {
    const target = of === 'role' ? `role ${quoteIdentifier(service.role)}` : 'database …';
    yield {
      code: 'SEARCH_PATH_PRESET',
      severity: 'weak',
      sentence: `The search path of this ${of} is set to ${value}. Statements of a scope carry their own, but other tools on this login would find tables there.`,
      change: `Run: alter ${target} reset search_path;`,
    };
  }
  // With `isolation: 'schema'` nothing is hardened: there is no role to leave.
  if (isolation === 'schema') return;
  const creating = openings.filter((sql) => sql.includes('on schema public'));
  if (creating.length > 0) {
    yield {
      code: 'PUBLIC_SCHEMA_WRITABLE',
      severity: 'weak',
      sentence:
        'Everybody may create objects in the schema "public", where other tools look for names that say no schema.',
      change: `Run: ${creating.join('; ')};`,
    };
  }
  const rest = openings.filter((sql) => !creating.includes(sql));
  if (rest.length > 0) {
    yield {
      code: 'HARDENING_INCOMPLETE',
      severity: 'weak',
      sentence: 'One injected statement could leave its scope, or leave something behind on a pooled connection.',
      change: `As a superuser run: ${rest.join('; ')};`,
    };
  }
  for (const { role, functions } of rights.givenBack) {
    yield {
      code: 'HARDENING_UNDONE',
      severity: 'weak',
      sentence: `The role "${role}", which serves, may call again what was taken from everybody: ${functions}. What it leaves behind is there for the next tenant on the connection.`,
      change: `Run: revoke execute on function ${functions} from ${quoteIdentifier(role)}; give it to a login of its own that needs it.`,
    };
  }
}

/** Schemas on the search path of every tenant. */
function* checkSharedSchemas(unfitSchemas: RightsFacts['unfitSchemas'], role: string): Iterable<DoctorFinding> {
  for (const unfit of unfitSchemas) {
    const { words, remedy } = explainUnfit(unfit, role);
    const sentence = `Of the schemas on the search path of every tenant (\`sharedSchemas\`): ${words}.`;
    const change = `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`;
    if (unfit.fault === 'writable') {
      yield {
        code: 'SHARED_SCHEMA_WRITABLE',
        severity: 'unsafe',
        sentence,
        change,
      };
    } else {
      yield {
        code: 'SHARED_SCHEMA_UNFIT',
        severity: 'unsafe',
        sentence,
        change,
      };
    }
  }
}
