import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import type { IsolationMode } from './scope-settings.js';
import { explainUnfit, readUnfitSchemas } from './shared-schemas.js';

/**
 * Refuses to serve with a schema on the search path that PostgreSQL would skip: `citext = text` compares as text then, and
 * a look-up finds nothing.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` with what to grant.
 */
export async function requireSharedSchemas(
  client: Pick<pg.ClientBase, 'query'>,
  { sharedSchemas, isolation }: { readonly sharedSchemas: readonly string[]; readonly isolation: IsolationMode },
  serviceRole: string,
): Promise<void> {
  const role = isolation === 'role' ? 'public' : serviceRole;
  // Who may write there is for the doctor to say: it works meanwhile.
  const unfit = (await readUnfitSchemas(client, sharedSchemas, role)).find(({ fault }) => fault !== 'writable');
  if (!unfit) return;
  const { words, remedy } = explainUnfit(unfit, role);
  throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'sharedSchemas', reason: `${words}; ${remedy}` });
}
