import type { OperationDefinition } from '../operations/operation-step.js';
import { closeSchemas } from './close-schemas.js';
import { requireStatus, statusStep } from './tenant-status-step.js';

/** Puts a tenant away: its data stays where it is, and nobody may use it. */
export const archiveTenant: OperationDefinition = {
  kind: 'archive',
  async check(client, tenant) {
    await requireStatus(client, tenant, ['active', 'suspended']);
  },
  steps: [statusStep('stop-serving', 'archived'), closeSchemas],
};
