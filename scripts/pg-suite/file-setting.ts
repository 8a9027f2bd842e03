import type { TenantScope } from '../../packages/tenantry/src/context/scope.js';
import type { GateOptions } from '../../packages/tenantry/src/isolation/scope-settings.js';

/** What a test file's process is told, as JSON, in the variable {@link settingVariable}. */
export interface FileSetting {
  /** The checkout of node-postgres. */
  readonly checkout: string;
  /** Not set: plain `pg`. */
  readonly gate?: { readonly scope: TenantScope; readonly options: GateOptions };
}

/** Name of the environment variable. */
export const settingVariable = 'TENANTRY_PG_SUITE';
