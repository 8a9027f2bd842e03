import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { explainDrift } from '../../drift/explain-drift.js';
import { fillSql, maskValue, placeholders } from '../../drift/placeholders.js';
import { readObjects, type SchemaNames } from '../../drift/read-subjects.js';
import { createSchema, type SchemaGrant } from '../../isolation/create-schema.js';
import { runStatements } from '../../migrations/apply-statements.js';
import type { ShippedService } from '../../migrations/tenant-migration.js';
import { sendFlight } from '../../postgres/flight.js';
import type { LockName } from '../../postgres/lock-names.js';
import type { Statement } from '../../postgres/one-flight.js';
import { one } from '../../postgres/one.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import { tryLock } from '../../postgres/take-lock.js';
import { inOwnTransaction, type Lender, opening } from '../../postgres/transaction.js';
import { differenceOf, readPicture, type SchemaPicture } from './picture.js';
import { madeOutsideSql, touchedSql } from './picture-sql.js';
import { replayStatements, whyUnfit } from './template-fit.js';
import { whyUnsteady } from './why-unsteady.js';
import { templateStatements } from './template-statements.js';
import { settleOrder } from './settle-order.js';

/** What a template is built with. */
export interface TemplateGround extends Pick<SchemaGrant, 'isolation' | 'serverVersion'> {
  /** Of the owner role; made with `pipeline: true`. */
  readonly owner: Lender;
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/** What came of it: statements with placeholders for the names of one tenant, or why there are none. */
export type BuiltTemplate =
  | { readonly statements: readonly string[]; readonly reason?: undefined }
  | { readonly statements?: undefined; readonly reason: string };

/** Somebody else builds it. */
export class BuiltElsewhere extends Error {}

/**
 * Makes a template and proves it: two replays of the migrations and one schema made from the statements must be the same in
 * everything, rows included. Each is made in a transaction that is rolled back.
 *
 * @param lock - The name of the lock that keeps others from building the same.
 * @throws BuiltElsewhere; what PostgreSQL says when the migrations themselves fail or the server is away.
 */
export async function buildTemplate(
  ground: TemplateGround,
  shipped: ShippedService,
  lock: LockName,
): Promise<BuiltTemplate> {
  const unfit = whyUnfit(shipped.migrations, shipped.sharedSchemas);
  if (unfit !== undefined) return { reason: unfit };
  const replayed = await inScratch(ground, shipped, lock, (scratch) => replay(scratch, shipped));
  if (typeof replayed === 'string') return { reason: replayed };
  try {
    const candidates = templateStatements(replayed, ground.serverVersion);
    const statements = await inScratch(ground, shipped, lock, (scratch) =>
      settle(scratch, replayed, candidates, ground),
    );
    const again = await inScratch(ground, shipped, lock, (scratch) => replay(scratch, shipped));
    if (typeof again === 'string') return { reason: again };
    const unsteady = differenceOf(replayed, again);
    if (unsteady !== undefined) return { reason: `two replays are not the same: ${unsteady}` };
    const made = await inScratch(ground, shipped, lock, async (scratch) => {
      await scratch.send(statements.map((text) => fillSql(text, scratch.own)));
      return readPicture(scratch.client, scratch.names);
    });
    const wrong = differenceOf(replayed, made);
    return wrong === undefined ? { statements } : { reason: `it would not be the same: ${wrong}` };
  } catch (error) {
    // The migrations ran, so what PostgreSQL refuses here is wrong in the template, and is remembered as the reason for
    // having none.
    if (error instanceof BuiltElsewhere || !(error instanceof Error)) throw error;
    return { reason: error.message };
  }
}

/** An empty tenant schema that is about to vanish. */
interface Scratch {
  readonly client: pg.PoolClient;
  readonly names: SchemaNames;
  readonly own: Parameters<typeof fillSql>[1];
  /** Runs statements as provisioning does. */
  send(texts: readonly string[]): Promise<unknown>;
}

async function inScratch<T>(
  { owner, isolation, serverVersion, lockTimeoutMs, statementTimeoutMs }: TemplateGround,
  { serviceRole, sharedSchemas }: ShippedService,
  lock: LockName,
  fn: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  // With a dot, so that no tenant schema and no tenant role has this name.
  const schema = `tenantry-template.${randomBytes(6).toString('hex')}`;
  const ownRole = isolation === 'role';
  const login = ownRole ? `${schema}.login` : serviceRole;
  const names = { schema, role: ownRole ? schema : serviceRole, serviceRole: login };
  const open = [...opening({ statementTimeoutMs, lockTimeoutMs }), { text: "set local datestyle to 'ISO'" }];
  const make = async (client: pg.PoolClient): Promise<T> => {
    const { rows } = await client.query<{ mine: boolean }>(tryLock(lock).text);
    if (!one(rows, 'the lock of a template').mine) throw new BuiltElsewhere('Another process builds this template.');
    const empty: Statement[] = [
      ...(ownRole ? [{ text: `create role ${quoteIdentifier(login)} nologin` }] : []),
      ...createSchema({ isolation, serviceRole: login, serverVersion }, schema, false),
    ];
    await sendFlight(client, empty);
    const path = [schema, ...sharedSchemas];
    const own = { schema, tenant: names.role, service: login, owner: '' };
    return fn({ client, names, own, send: (texts) => sendFlight(client, runStatements(path, texts)) });
  };
  return inOwnTransaction(owner, open, make, { end: 'rollback' });
}

/** @returns The schema, or why it cannot be the model of others. */
async function replay(
  { client, names, send }: Scratch,
  { migrations }: ShippedService,
): Promise<SchemaPicture | string> {
  const touched = async () => {
    const { rows } = await client.query<{ written: number; read: number }>(touchedSql, [names.schema]);
    return one(rows, 'select … from pg_stat_xact_user_tables');
  };
  const before = await touched();
  const statements = replayStatements(migrations);
  await send(statements);
  await client.query("reset role; set local search_path to ''");
  const after = await touched();
  if (after.written > before.written) return 'its migrations write rows outside the schema';
  const { rows } = await client.query<{ made: string }>(madeOutsideSql, [names.schema]);
  if (rows[0]) return `its migrations make or change ${rows[0].made} outside the schema`;
  let picture: SchemaPicture;
  try {
    picture = await readPicture(client, names);
  } catch (error) {
    return (error as Error).message;
  }
  const seeded = picture.tables.filter((table) => table.rows.length > 0).map(({ table }) => table);
  if (seeded.length === 0) return picture;
  if (after.read > before.read) return 'its migrations read tables outside the schema, and those may change';
  return whyUnsteady(picture, statements, seeded) ?? picture;
}

/** Finds an order, and the rights that default privileges do not bring. */
async function settle(
  { client, names, own, send }: Scratch,
  expected: SchemaPicture,
  candidates: readonly string[],
  { serverVersion }: TemplateGround,
): Promise<readonly string[]> {
  await send([]);
  const settled = await settleOrder(client, candidates, (statement) => client.query(fillSql(statement, own)));
  await client.query("set local search_path to ''");
  const objects = one(await readObjects(client, [names]), 'what is in a schema');
  const left = explainDrift(expected.objects, maskValue(objects, [names.schema]), serverVersion);
  const rights = left.map(({ problem, repair, words }) => {
    if (problem !== 'grants' || repair === null || repair.includes(placeholders.owner))
      throw new Error(`a template cannot say this: ${words.slice(0, 200)}`);
    return repair.replace(/;$/, '');
  });
  return [...settled, ...rights];
}
