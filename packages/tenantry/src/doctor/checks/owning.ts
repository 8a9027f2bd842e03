import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.js';
import type { DoctorFacts } from '../doctor-facts.js';
import type { DoctorFinding } from '../doctor-finding.js';
import { schemas } from './roles.js';

/** Whether the owner role can make tenants and migrate those that are there. Pure. */
export function* checkOwning({ isolation, owning }: DoctorFacts): Iterable<DoctorFinding> {
  if (!owning) return;
  const { role, makesRoles, makesSchemas, keptOut, foreign } = owning;
  const name = quoteIdentifier(role);
  if (!makesSchemas || (isolation === 'role' && !makesRoles)) {
    yield {
      code: 'OWNER_MAKES_NO_TENANTS',
      severity: 'unsafe',
      sentence: `The owner role ${name} may not make ${makesSchemas ? 'roles' : 'schemas'}, so no tenant can be provisioned, cloned or imported.`,
      change: `As a superuser run: ${makesSchemas ? `alter role ${name} createrole` : `grant create on database … to ${name}`};`,
    };
  }
  if (foreign.count > 0) {
    yield {
      code: 'OWNER_LACKS_SCHEMAS',
      severity: 'unsafe',
      sentence: `The owner role ${name} does not own ${schemas(foreign)} so it cannot migrate there.`,
      change: `As a superuser run, for each of them and what is in it: alter schema … owner to ${name}; tenantry drift names each object.`,
    };
  }
  if (isolation === 'role' && keptOut.count > 0) {
    yield {
      code: 'OWNER_KEPT_OUT',
      severity: 'unsafe',
      sentence: `The owner role ${name} may neither switch to nor grant the role of ${schemas(keptOut)} so a migration that runs code fails there, and it cannot be given to a login.`,
      change: `As a superuser run in psql: select format('grant %I to %I with admin option', role_name, ${quoteLiteral(role)}) from tenantry.tenant_schema where role_name = schema_name \\gexec`,
    };
  }
}
