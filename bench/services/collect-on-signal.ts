/** Collects garbage when it is told to, and says what is left; needs `--expose-gc`. */
process.on('SIGUSR2', () => {
  globalThis.gc?.();
  process.send?.({ heapUsed: process.memoryUsage().heapUsed });
});
