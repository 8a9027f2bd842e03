export { type Outcome, type ProbeResult } from './attempt.js';
export { probe, type ProbeOptions } from './probe.js';
