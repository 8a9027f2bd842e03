import { onStopSignal } from '@tenantry/host';

/**
 * A promise that resolves when this program is asked to stop: by a signal, or because the npm that ran it is gone (its
 * shell dies of SIGTERM without passing it on). A second Ctrl-C calls `hurry`.
 */
export function stopRequest(hurry: () => void): Promise<void> {
  // Whoever read our output may go first; that must not turn a stop into a crash.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return new Promise((resolve) => {
    onStopSignal(() => resolve(), hurry);
    if (process.env['npm_lifecycle_event'] !== undefined) onParentGone(() => resolve());
  });
}

function onParentGone(react: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    react();
  }, 500);
  timer.unref();
}
