import type { OperationEvent } from '../lifecycle/operations/operation-record.js';
import type { TenantOperationOptions } from '../lifecycle/tenants/tenants.js';
import type { CliContext } from './cli-context.js';

/** Lines of progress come at most this often. */
const lineEveryMs = 2000;

/** Tells people what an operation does, on stderr; machines read how it ended. Ctrl-C ends it after the step in hand. */
export function followOperation(context: CliContext): TenantOperationOptions {
  let saidAt = performance.now();
  return {
    signal: context.signal,
    onEvent(event) {
      if (context.json) return;
      if (event.type === 'progress') {
        if (performance.now() - saidAt < lineEveryMs) return;
        saidAt = performance.now();
      }
      const line = lineOf(event);
      if (line !== undefined) context.note(line);
    },
  };
}

function lineOf(event: OperationEvent): string | undefined {
  switch (event.type) {
    case 'resumed':
      return `going on with operation ${event.id} (${event.kind}); complete so far: ${event.done.join(', ') || 'nothing'}`;
    case 'progress':
      return `${event.step}: ${event.done} of ${event.total}`;
    case 'completed':
      return `${event.step}: done`;
    case 'waiting':
      return `${event.step}: something is in the way (${event.reason}); trying again`;
    case 'failed':
      return `${event.step}: failed: ${event.reason}`;
    case 'reverted':
      return `${event.step}: taken back`;
    default:
      return undefined;
  }
}
