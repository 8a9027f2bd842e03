import { quoteIdentifier } from '../../postgres/quote.js';
import type { DoctorFacts } from '../doctor-facts.js';
import type { DoctorFinding } from '../doctor-finding.js';
import { schemas } from './roles.js';
import { checkSharedSchemas } from './shared-schemas.js';

/** What everybody may do, and where names lead that say no schema. Pure. */
export function* checkRights({ isolation, service, rights }: DoctorFacts): Iterable<DoctorFinding> {
  if (!rights) return;
  const { publicised, searchPaths, memberships, unfitSchemas } = rights;
  if (publicised.count > 0) {
    yield {
      code: 'TENANTS_PUBLIC',
      severity: 'unsafe',
      sentence: `Everybody (PUBLIC) has rights in ${schemas(publicised)} or on its tables, so other tenants have them too.`,
      change:
        'Run: revoke all on schema … from public; revoke all on all tables in schema … from public; tenantry drift names each.',
    };
  }
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
}
