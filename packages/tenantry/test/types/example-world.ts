/** What examples in comments may use without saying where it comes from: a service `inventory` with one entity. */
export const exampleWorld = `
import type { EventEmitter } from 'node:events';
import type { webcrypto } from 'node:crypto';
import type * as Nest from '@nestjs/common';
import type * as MikroOrm from '@mikro-orm/postgresql';
import type * as Jose from 'jose';
import type { Adoption, MigrationClass, Tenancy } from 'tenantry';

declare global {
  const url: string;
  const ownerUrl: string;
  const tenancy: Tenancy;
  const orm: MikroOrm.MikroORM;
  const em: MikroOrm.EntityManager;
  const adoption: Adoption;
  const emitter: EventEmitter;
  /** Aborted when somebody presses Ctrl-C. */
  const signal: AbortSignal;
  const log: (line: unknown) => void;
  const publicKey: webcrypto.CryptoKey;
  const sendReminders: () => Promise<number>;
  const readItems: (file: string) => Promise<void>;

  class Item {
    id: string;
    name: string;
  }
  const ItemMigration: MigrationClass;

  const Get: typeof Nest.Get;
  const MikroORM: typeof MikroOrm.MikroORM;
  const createRemoteJWKSet: typeof Jose.createRemoteJWKSet;
}
`;
