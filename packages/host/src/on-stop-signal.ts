// npm passes Ctrl-C on to a process that the terminal already told; one press arrives twice within milliseconds.
const samePressMs = 500;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `stop` once: at the first SIGINT, SIGTERM or SIGHUP, or when the process that started this one over an IPC
 * channel is gone. A second Ctrl-C calls `hurry`.
 *
 * @param hurry - @default the process ends at once with exit code 130
 * @returns a function that stops listening.
 */
export function onStopSignal(stop: (reason: string) => void, hurry: () => void = () => process.exit(130)): () => void {
  let firstAtMs: number | undefined;
  const receive = (reason: string) => {
    const nowMs = performance.now();
    if (firstAtMs === undefined) {
      firstAtMs = nowMs;
      stop(reason);
    } else if (reason === 'SIGINT' && nowMs - firstAtMs > samePressMs) {
      hurry();
    }
  };
  const onDisconnect = () => receive('disconnect');
  for (const signal of signals) process.on(signal, receive);
  if (process.connected) process.once('disconnect', onDisconnect);
  return () => {
    for (const signal of signals) process.off(signal, receive);
    process.off('disconnect', onDisconnect);
  };
}
