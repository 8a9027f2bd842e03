import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EntityName } from '@mikro-orm/core';
import type { AuthoringTarget } from '../../../../src/migrations/authoring/authoring-target.js';
import { type CreatedMigration, createMigration } from '../../../../src/migrations/authoring/create-migration.js';
import { migrationOf } from '../../../../../../test/support/migration-of.js';

/** A folder of migrations whose entities change from call to call. */
export interface Workshop {
  readonly created: CreatedMigration[];
  target(entities: readonly EntityName[], part?: 'tenant' | 'shared'): AuthoringTarget;
  create(entities: readonly EntityName[], name?: string): Promise<CreatedMigration | undefined>;
  remove(): Promise<void>;
}

/** Opens an empty one. */
export async function openWorkshop(): Promise<Workshop> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-workshop-'));
  const created: CreatedMigration[] = [];
  const target: Workshop['target'] = (entities, part = 'tenant') => ({
    service: 'shop',
    part,
    schema: part === 'tenant' ? '*' : 'shared',
    folder,
    entities,
    migrations: Object.fromEntries(created.map(({ name, up }) => [name, migrationOf(...up)])),
    sharedSchemas: ['shared'],
  });
  return {
    created,
    target,
    async create(entities, name) {
      const { migration } = await createMigration(target(entities), name);
      if (migration) created.push(migration);
      return migration;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
