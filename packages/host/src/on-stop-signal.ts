// npm passes Ctrl-C on to a process that the terminal already told; one press arrives twice within milliseconds.
const samePressMs = 500;

/**
 * Calls `stop` once: at the first SIGINT, SIGTERM or SIGHUP, or when the process that started this one (and holds its
 * IPC channel) is gone. A second Ctrl-C ends the process at once with exit code 130.
 */
export function onStopSignal(stop: (reason: string) => void): void {
  let firstAtMs: number | undefined;
  const receive = (reason: string) => {
    const nowMs = performance.now();
    if (firstAtMs === undefined) {
      firstAtMs = nowMs;
      stop(reason);
    } else if (reason === 'SIGINT' && nowMs - firstAtMs > samePressMs) {
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => receive(signal));
  if (process.connected) process.once('disconnect', () => receive('disconnect'));
}
