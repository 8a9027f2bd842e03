/** Collects garbage when it is told to; needs `--expose-gc`. */
process.on('SIGUSR2', () => globalThis.gc?.());
