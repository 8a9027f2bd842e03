export { type Outcome, type ProbeResult } from './attempt.js';
export { expectNoLeak, type NoLeakOptions } from './expect-no-leak.js';
export { formatResults } from './format-results.js';
export { probe, type ProbeOptions } from './probe.js';
