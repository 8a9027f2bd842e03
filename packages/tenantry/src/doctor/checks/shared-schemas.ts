import { explainUnfit } from '../../isolation/shared-schemas.js';
import type { RightsFacts } from '../doctor-facts.js';
import type { DoctorFinding } from '../doctor-finding.js';

/** Schemas on the search path of every tenant. Pure. */
export function* checkSharedSchemas(unfitSchemas: RightsFacts['unfitSchemas'], role: string): Iterable<DoctorFinding> {
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
