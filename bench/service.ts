import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A service under measurement, in a process of its own. */
export interface BenchService {
  readonly url: string;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a service that says `{ ready: { url } }` to its parent. */
export async function startBenchService(
  file: string,
  env: Record<string, string>,
  execArgv: readonly string[] = [],
): Promise<BenchService> {
  const child = fork(file, {
    env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'silent', NODE_ENV: 'production', INVENTORY_PORT: '0', ...env },
    execArgv: [...execArgv],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [
    { ready?: { url: string } },
  ];
  if (!message?.ready) throw new Error(`${file} ended before it was ready`);
  const stop = async () => {
    if (child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  return { url: message.ready.url, child, stop };
}

/** The real inventory service, as built. */
export const inventoryMain = 'apps/inventory/dist/main.js';
