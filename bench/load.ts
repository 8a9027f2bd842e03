import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Requests to send to one address. */
export interface Load {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly body?: string;
  /** Rotated through, each connection its own part of them; none for a service without tenants. */
  readonly tenants: readonly string[];
  readonly seconds: number;
  /** Requests in all, instead of so many seconds. */
  readonly amount?: number;
  readonly connections: number;
  /** Requests per second, all connections together; as many as possible when absent. */
  readonly rate?: number;
}

/** What came of a load. */
export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
}

/** Sends a load from a process of its own. Throws when a single request failed: errors are not measured. */
export async function sendLoad(load: Load): Promise<LoadResult> {
  const child = fork(fileURLToPath(new URL('load-process.ts', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send(load);
  const [result] = (await once(child, 'message')) as [LoadResult & { failed: number }];
  if (result.failed > 0 || result.requests === 0)
    throw new Error(`${result.failed} of ${result.requests} requests to ${load.url} failed`);
  return result;
}
