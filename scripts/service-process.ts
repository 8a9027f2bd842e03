import { StartupError } from '@tenantry/host';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { root, type Service } from './services.ts';

/** A service as a child of this program. */
export interface ServiceProcess {
  readonly name: string;
  /** Its address, once it answers. Rejects with its own sentence when it ends before. */
  readonly ready: Promise<string>;
  /** Rejects when it ends without having been told to. */
  readonly lost: Promise<never>;
  /** Lets it finish what it does, for 15 s. */
  stop(): Promise<void>;
  kill(): void;
}

const stopLimitMs = 15_000;

/** Starts a service; `print` receives every line that it writes. */
export function startServiceProcess(
  service: Service,
  env: NodeJS.ProcessEnv,
  print: (line: string) => void,
): ServiceProcess {
  const child = spawn(process.execPath, [service.main], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Its own process group: Ctrl-C reaches this program alone, which stops the services in order. If this program is
    // killed, the closed channel tells them.
    detached: true,
  });
  let sentence: string | undefined;
  let isStopping = false;
  readLines(child.stdout, print);
  readLines(child.stderr, (line) => {
    if (line.startsWith('error: ')) sentence = line.slice('error: '.length);
    else print(line);
  });
  const closed = closeOf(child);
  const ready = readinessOf(child);
  const lost = closed.then((how): Promise<never> => {
    if (isStopping) return new Promise(() => undefined);
    throw new StartupError(
      'SERVICE_FAILED',
      sentence ?? `The service ${service.name} ended by itself (${how}); see what it wrote above.`,
    );
  });
  // Whether anybody waits for it depends on how far the start came.
  lost.catch(() => undefined);
  return {
    name: service.name,
    ready: Promise.race([ready, lost]),
    lost,
    async stop() {
      isStopping = true;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
      await closed;
      clearTimeout(timer);
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

async function closeOf(child: ChildProcess): Promise<string> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return code === null ? String(signal) : `exit code ${code}`;
}

function readinessOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      const { ready } = message as { ready?: { url: string } };
      if (ready !== undefined) resolve(ready.url);
    });
  });
}

function readLines(stream: Readable | null, print: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', print);
}
