import type pg from 'pg';
import { runInScope } from '../../../src/context/current-scope.js';
import { ScopedPool, type ScopedPoolConfig } from '../../../src/isolation/scoped-pool.js';
import type { Delivery, Disturbance, Places } from './disturbance.js';
import { Hand, scopeOf } from './hand.js';
import { runPoolWork } from './pool-work.js';
import { ScriptedServer } from './scripted-server.js';
import type { ScriptedSocket } from './scripted-socket.js';
import { settled } from './settled.js';
import { type StepName, steps } from './steps.js';

/** One run, as something that can be written down and played again. */
export interface Run {
  readonly program: readonly StepName[];
  readonly disturbance?: Disturbance | undefined;
  readonly delivery?: Delivery | undefined;
  /** As behind a pooler: nothing is prepared by name. */
  readonly unnamed?: boolean | undefined;
  /** Major version of PostgreSQL. @default 18 */
  readonly version?: number | undefined;
}

/** What came of a run. */
export interface Outcome {
  readonly violations: readonly string[];
  readonly places: Places;
  readonly trace: readonly string[];
}

/** Makes the pool that is tried. */
export type MakePool = (config: ScopedPoolConfig) => pg.Pool;

/**
 * Plays a run. Tenant a borrows the only connection and runs the program while tenant b waits for it; a releases it
 * without looking, b does its work on what it got, a comes back once more, and both ask through the pool.
 */
export async function play(run: Run, makePool: MakePool = gatePool, traced = false): Promise<Outcome> {
  const { program, disturbance, delivery, version } = run;
  const server = new ScriptedServer({ disturbance, delivery, version, traced });
  const { violations, places, trace } = server;
  const pool = makePool(poolConfig(server, run.unnamed));
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('acquire', (client) => server.holders.delete(socketOf(client).session));
  const stops = [reportUncaught(violations), server.clock.install()];
  const [a, b] = [borrow(server, pool, 'a'), borrow(server, pool, 'b')];
  const visits = [await runProgram(server, await a, program), await runVisit(server, b, 'b', work)];
  visits.push(await runVisit(server, borrow(server, pool, 'a'), 'a again', ['select']));
  await runPoolWork(server, pool);
  if (!(await settled(server, pool.end()))) violations.push('the pool does not end');
  for (const { hand } of visits)
    for (const label of hand?.pending ?? []) violations.push(`${label} is still waited for at the end`);
  for (const stop of stops) stop();
  return { violations: [...new Set(violations)], places, trace };
}

const gatePool: MakePool = (config) => new ScopedPool(config);

/** A connection in somebody's hand, or none where it could not be had. */
interface Visit {
  readonly hand: Hand | undefined;
  /** Whether what disturbs the run had been before. */
  readonly undisturbed: boolean;
}

function borrow(server: ScriptedServer, pool: pg.Pool, tenant: string): Promise<Visit> {
  return new Promise((resolve) => {
    runInScope(scopeOf(tenant), () =>
      pool.connect((_error, client) => {
        // A connection that could not be made may be the one that was disturbed.
        if (!client) return resolve({ hand: undefined, undisturbed: server.calm });
        const undisturbed = server.disturbed || server.calm;
        server.handOver(socketOf(client), tenant);
        return resolve({ hand: new Hand(server, tenant, client), undisturbed });
      }),
    );
  });
}

function socketOf(client: unknown): ScriptedSocket {
  return (client as { connection: { stream: ScriptedSocket } }).connection.stream;
}

async function runProgram(server: ScriptedServer, visit: Visit, program: readonly StepName[]): Promise<Visit> {
  const { hand } = visit;
  if (!hand) return visit;
  for (const name of program) await hand.wait(name, steps[name](hand));
  server.mayWait = hand.holding;
  hand.release();
  return visit;
}

/** The work of somebody who knows nothing of those before: where nothing disturbs it, it succeeds. */
async function runVisit(
  server: ScriptedServer,
  borrowed: Promise<Visit>,
  who: string,
  program: readonly StepName[],
): Promise<Visit> {
  if (!(await settled(server, borrowed))) {
    server.violations.push(`${who} waits for a connection for ever`);
    return { hand: undefined, undisturbed: false };
  }
  const visit = await borrowed;
  const { hand, undisturbed } = visit;
  for (const name of hand ? program : []) await hand?.wait(name, steps[name](hand));
  hand?.release();
  const mayFail = !undisturbed || server.revoked || (server.lost && who === 'b');
  if (!mayFail && (!hand || hand.failures.length > 0))
    server.violations.push(`${who} failed: ${hand?.failures[0]?.message ?? 'no connection'}`);
  return visit;
}

const work: readonly StepName[] = ['select', 'insert', 'begin', 'select', 'insert', 'commit'];

function poolConfig(server: ScriptedServer, transactionPooler = false): ScopedPoolConfig {
  return {
    host: 'model',
    user: 'login',
    password: '',
    database: 'model',
    ssl: false,
    max: 1,
    connectionTimeoutMillis: 0,
    idleTimeoutMillis: 0,
    stream: () => server.accept(),
    gate: {
      isolation: 'role',
      catalogRole: 'login.catalog',
      sharedSchemas: [],
      statementTimeoutMs: 0,
      idleTransactionTimeoutMs: 0,
      transactionPooler,
    },
  };
}

/** Whatever nobody catches would end a process. */
function reportUncaught(violations: string[]): () => void {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const others = events.map((event) => process.listeners(event as 'uncaughtException'));
  const report = (error: unknown) => violations.push(`nobody caught ${String(error)}`);
  for (const event of events) process.removeAllListeners(event).on(event, report);
  return () => {
    for (const [index, event] of events.entries()) {
      process.removeListener(event, report);
      for (const listener of others[index] ?? []) process.on(event as 'uncaughtException', listener);
    }
  };
}
