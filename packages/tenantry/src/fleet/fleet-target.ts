import type { Direction } from './rollout-plan.js';
import type { FleetSelector } from './selector.js';

/** Which tenants of which service go where. */
export interface FleetTarget {
  /** @default the service of this process */
  readonly service?: string | undefined;
  /** @default the whole fleet */
  readonly selector?: FleetSelector | undefined;
  /** @default 'up' */
  readonly direction?: Direction | undefined;
  /** The migration to stop at; `null` is the state before the first. @default the service's head */
  readonly to?: string | null | undefined;
}
