import { unfitnessesOf } from '../../isolation/login-facts.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import type { DoctorFacts, Flawed } from '../doctor-facts.js';
import type { DoctorFinding } from '../doctor-finding.js';

/** Whether PostgreSQL itself keeps the login that serves away from tenants. Pure. */
export function* checkRoles({ isolation, service, owner, oneUrl, rights }: DoctorFacts): Iterable<DoctorFinding> {
  if (isolation === 'schema') {
    yield {
      code: 'ISOLATION_BY_NAME',
      severity: 'unsafe',
      sentence: `Tenants are kept apart by name only: the role "${service.role}" may use every tenant's tables.`,
      change: 'Set `isolation: "role"`, with an owner role that may create roles.',
    };
    return;
  }
  for (const { trait, reason, remedy } of unfitnessesOf(service)) {
    yield {
      code: `SERVICE_ROLE_${trait}`,
      severity: 'unsafe',
      sentence: `The role "${service.role}", which serves, ${reason}, so PostgreSQL does not keep tenants apart.`,
      change: remedy,
    };
  }
  if (owner === service.role) {
    yield {
      code: 'OWNER_SERVES',
      severity: 'unsafe',
      sentence: `DATABASE_URL and DATABASE_OWNER_URL are the same role "${owner}": what serves may run DDL and reach every tenant.`,
      change: 'Give DATABASE_URL a plain role of its own.',
    };
  }
  if (oneUrl) {
    yield {
      code: 'ONE_URL',
      severity: 'weak',
      sentence: `Processes serve as "${service.role}" but hold the owner's URL: whoever runs code in one has every tenant.`,
      change:
        'Set DATABASE_OWNER_URL in the process that migrates, and give the others a DATABASE_URL of a plain role.',
    };
  }
  if (rights && rights.reached.count > 0) {
    yield {
      code: 'SERVICE_ROLE_REACHES_TENANTS',
      severity: 'unsafe',
      sentence: `The role "${service.role}", which serves, may use ${schemas(rights.reached)} without entering the tenant's role.`,
      change: `Revoke what was granted to ${quoteIdentifier(service.role)} there: usage on the schema, or a grant of the tenant's role that inherits.`,
    };
  }
}

/** "3 tenant schemas, such as x". */
export function schemas({ count, example }: Flawed): string {
  return count === 1 ? `the tenant schema "${example}"` : `${count} tenant schemas, such as "${example}",`;
}
