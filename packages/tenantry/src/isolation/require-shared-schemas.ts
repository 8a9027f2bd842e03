import { TenancyError } from '../errors/tenancy-error.js';
import type { Querier } from '../postgres/querier.js';
import type { IsolationMode } from './scope-settings.js';
import { explainUnfit, readUnfitSchemas } from './shared-schemas.js';

interface Options {
  readonly sharedSchemas: readonly string[];
  readonly isolation: IsolationMode;
  /** The shared schema with migrations of its own. */
  readonly shared?: { readonly schema: string } | undefined;
}

/**
 * Refuses to serve with a schema on the search path that PostgreSQL would skip: `citext = text` compares as text then, and
 * a look-up finds nothing.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` with what to grant.
 */
export async function requireSharedSchemas(
  client: Querier,
  { sharedSchemas, isolation, shared }: Options,
  serviceRole: string,
): Promise<void> {
  const role = isolation === 'role' ? 'public' : serviceRole;
  // Who may write there is for the doctor to say: it works meanwhile.
  const unfit = (await readUnfitSchemas(client, sharedSchemas, role)).find(({ fault }) => fault !== 'writable');
  if (!unfit) return;
  const { words, remedy: granting } = explainUnfit(unfit, role);
  const ours = unfit.fault === 'unusable' && unfit.schema === shared?.schema;
  const remedy = ours ? 'set `shared.readableByTenants`, or take it from `sharedSchemas`' : granting;
  throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'sharedSchemas', reason: `${words}; ${remedy}` });
}
