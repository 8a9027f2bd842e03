import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A service as it runs in production: its built `main.js`, in a process of its own. */
export interface ServiceProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Ends it with a signal and waits; answers its exit code, `null` when the signal ended it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

const root = path.resolve(import.meta.dirname, '../..');

/** Starts a service and waits until it answers. The build has to be there: `npm test` makes it. */
export async function startService(
  name: 'identity' | 'inventory',
  env: Record<string, string>,
): Promise<ServiceProcess> {
  const child = fork(path.join(root, `apps/${name}/dist/main.js`), {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'silent', [`${name.toUpperCase()}_PORT`]: '0', ...env },
    execPath: process.execPath,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const started = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  const [{ ready }] = started as [{ ready?: { url: string } }];
  if (!ready) throw new Error(`${name} ended before it was ready`);
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    return child.exitCode;
  };
  return { url: ready.url, child, end };
}

/** One request as a caller sees it. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly contentType: string;
  readonly body: unknown;
}

/** Calls a service; `0` is a connection that broke or was refused. */
export async function call(url: string, tenant?: string, body?: object): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      headers: { ...(tenant && { 'x-client': tenant }), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    const { headers, status } = response;
    const contentType = headers.get('content-type') ?? '';
    return {
      status,
      retryAfter: headers.get('retry-after'),
      contentType,
      body: text === '' ? undefined : JSON.parse(text),
    };
  } catch {
    return { status: 0, retryAfter: null, contentType: '', body: undefined };
  }
}
