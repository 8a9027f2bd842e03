import { quoteIdentifier } from '../../postgres/quote.js';
import type { DoctorFacts } from '../doctor-facts.js';
import type { DoctorFinding } from '../doctor-finding.js';

/** Whether one injected statement could leave its scope, or leave something behind. Pure. */
export function* checkHardening({ isolation, rights }: DoctorFacts): Iterable<DoctorFinding> {
  // With `isolation: 'schema'` nothing is hardened: there is no role to leave.
  if (isolation === 'schema' || !rights) return;
  const { openings, givenBack } = rights;
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
  for (const { role, functions } of givenBack) {
    yield {
      code: 'HARDENING_UNDONE',
      severity: 'weak',
      sentence: `The role "${role}", which serves, may call again what was taken from everybody: ${functions}. What it leaves behind is there for the next tenant on the connection.`,
      change: `Run: revoke execute on function ${functions} from ${quoteIdentifier(role)}; give it to a login of its own that needs it.`,
    };
  }
}
