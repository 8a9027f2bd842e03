import { ScopeCell } from '../context/scope-cell.js';
import type { TenantId } from '../tenant/tenant-id.js';

/** A request's cell, and what its resolver found. */
export class RequestCell extends ScopeCell {
  /** The tenant that the request names. */
  tenantId: TenantId | undefined;
  /** Why the request has no tenant; thrown where a route needs one. */
  refusal: unknown;
}
