/**
 * For every connection that lasts: an end that vanished without a word (a cable, a host, a NAT entry) is noticed after
 * about 20 seconds. The system would take two hours, in which a listener hears nothing and a statement waits.
 */
export const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;
