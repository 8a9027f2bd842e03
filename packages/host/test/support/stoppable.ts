// A program that says when it is asked to stop, and takes for ever to do it.
import { onStopSignal } from '../../src/on-stop-signal.ts';

onStopSignal((reason) => console.log(`stopping ${reason}`));
setInterval(() => undefined, 60_000);
console.log('running');
