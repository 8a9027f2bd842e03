import type { TenancyErrorCode } from '../errors/error-codes.js';
import type { ProvisionResult } from './provisioner.js';
import type { Gap, ServiceState } from './find-behind.js';

/** A tenant schema that could not be brought to head; it was rolled back and is tried again later. */
export interface ReconcileFailure extends Gap {
  readonly code: TenancyErrorCode | 'UNKNOWN';
  /** For the operator. */
  readonly reason: string;
}

/** What a reconciliation found and did. */
export interface ReconcileReport {
  /** How far each service is now. */
  readonly services: readonly ServiceState[];
  readonly provisioned: number;
  readonly migrated: number;
  readonly failed: number;
  /** At most {@link listedMax} of what changed. */
  readonly changes: readonly ProvisionResult[];
  /** At most {@link listedMax} of what failed. */
  readonly failures: readonly ReconcileFailure[];
}

/** Most changes, and most failures, that a report lists by name. */
export const listedMax = 1000;

/** Adds results up. */
export class ReportBuilder {
  readonly #counts = { provisioned: 0, migrated: 0, granted: 0, repaired: 0, 'at-head': 0 };
  readonly #changes: ProvisionResult[] = [];
  readonly #failures: ReconcileFailure[] = [];
  #failed = 0;

  succeeded(result: ProvisionResult): void {
    this.#counts[result.outcome]++;
    if (result.outcome !== 'at-head' && this.#changes.length < listedMax) this.#changes.push(result);
  }

  failed(failure: ReconcileFailure): void {
    this.#failed++;
    if (this.#failures.length < listedMax) this.#failures.push(failure);
  }

  build(services: readonly ServiceState[]): ReconcileReport {
    const { provisioned, migrated } = this.#counts;
    return { services, provisioned, migrated, failed: this.#failed, changes: this.#changes, failures: this.#failures };
  }
}
