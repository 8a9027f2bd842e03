import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { createSchema } from '../isolation/create-schema.js';
import { insideForm } from '../migrations/outside-statement.js';
import { one } from '../postgres/one.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { translateError } from '../postgres/translate-error.js';
import type { CatalogReader } from './catalog-reader.js';
import type { DriftGround, RegisteredMigration, RegisteredService } from './read-ground.js';
import { hasOwnRole, readFingerprints, readObjects, type SchemaNames, type Subject } from './read-subjects.js';
import { replayed } from './replayed.js';
import type { SchemaObject } from './schema-object.js';

/** What tenant schemas with one ledger should be. */
export interface Reference {
  /** The same for subjects that have this reference. */
  readonly key: string;
  /** Why it could not be made. */
  readonly failure?: string;
  readonly fingerprint: string;
  readonly objects: readonly SchemaObject[];
  /** The schema in which its objects were made. */
  readonly schema: string;
}

/** Makes references, each once: replays migrations in a schema of which nothing is left afterwards. */
export class References {
  readonly #reader: CatalogReader;
  readonly #ground: DriftGround;
  readonly #made = new Map<string, Promise<Reference>>();

  constructor(reader: CatalogReader, ground: DriftGround) {
    this.#reader = reader;
    this.#ground = ground;
  }

  of(subject: Subject): Promise<Reference> {
    const names = subject.ledger.map(({ migration }) => migration).toSorted();
    const login = hasOwnRole(subject) ? '' : subject.serviceRole;
    const key = JSON.stringify([subject.service, login, subject.head, names]);
    const known = this.#made.get(key) ?? this.#make(key, subject, new Set(names));
    this.#made.set(key, known);
    return known;
  }

  /**
   * Replays the migrations of the ledger. Where a row of the ledger is lost and that is impossible, replays all up to
   * the head.
   */
  async #make(key: string, subject: Subject, ran: ReadonlySet<string>): Promise<Reference> {
    const service = this.#ground.services.get(subject.service);
    if (!service) throw new Error(`The catalog has no service "${subject.service}" any more.`);
    const byLedger = service.migrations.filter(({ name }) => ran.has(name));
    const byHead = service.migrations.slice(0, service.migrations.findIndex(({ name }) => name === subject.head) + 1);
    try {
      return { key, ...(await this.#replay(service, byLedger, subject)) };
    } catch (error) {
      const again = byHead.length > byLedger.length ? this.#replay(service, byHead, subject) : Promise.reject(error);
      return again.then(
        (made) => ({ key, ...made }),
        (failure: Error) => ({ key, failure: reasonOf(failure), fingerprint: '', objects: [], schema: '' }),
      );
    }
  }

  #replay(
    service: RegisteredService,
    migrations: readonly RegisteredMigration[],
    subject: Subject,
  ): Promise<Omit<Reference, 'key'>> {
    // With a dot, so that no tenant schema and no tenant role has this name.
    const schema = `tenantry-drift.${randomBytes(6).toString('hex')}`;
    const names: SchemaNames = hasOwnRole(subject)
      ? { schema, role: schema, serviceRole: `${schema}.login` }
      : { schema, role: subject.role, serviceRole: subject.serviceRole };
    const isolation = hasOwnRole(subject) ? 'role' : 'schema';
    return this.#reader.scratch(async (client) => {
      // A login of its own is made too: granting to the real one would wait for others who grant to it.
      if (isolation === 'role') await client.query(`create role ${quoteIdentifier(names.serviceRole)} nologin`);
      const grant = { isolation, serviceRole: names.serviceRole, serverVersion: this.#ground.serverVersion } as const;
      for (const { text } of createSchema(grant, schema, false)) await client.query(text);
      await client.query(
        `set local search_path to ${[schema, ...service.sharedSchemas].map(quoteIdentifier).join(', ')}`,
      );
      for (const migration of migrations) await replay(client, migration);
      await client.query("reset role; set local search_path to ''");
      const fingerprint = (await readFingerprints(client, [names])).get(schema) ?? '';
      const objects = one(await readObjects(client, [names]), 'what is in a schema');
      return { fingerprint, objects, schema };
    });
  }
}

/** A lost connection says nothing about migrations. */
function reasonOf(failure: Error): string {
  if (translateError(failure)?.code === 'TENANCY_DATABASE_UNAVAILABLE') throw failure;
  return failure.message;
}

async function replay(client: pg.ClientBase, migration: RegisteredMigration): Promise<void> {
  const { name, kind, statements } = migration;
  try {
    for (const statement of replayed(kind === 'outside' ? insideForm(statements) : statements))
      await client.query(statement);
  } catch (error) {
    const code = kind === 'code' ? ', which runs code,' : '';
    throw new Error(`the migration ${name}${code} cannot be replayed: ${(error as Error).message}`, { cause: error });
  }
}
