import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './world.js';

/** Looks in a row at which nothing moved, neither here nor on the server, after which nothing will. */
const looksUntilHang = 10;
/** Looks in a row at which nothing moved here, though the server says that it works: longer than any limit that was set. */
const looksUntilGivenUp = 80;
const lookMs = 500;

/** Resolves when what `ticks` counts has stopped for good; never while PostgreSQL still works on something. */
export async function standstill(ticks: () => number, world: World, signal: AbortSignal): Promise<void> {
  let [seen, still, quiet] = [ticks(), 0, 0];
  while (!signal.aborted) {
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
    const now = ticks();
    if (now !== seen) [seen, still, quiet] = [now, 0, 0];
    else {
      still++;
      quiet = (await works(world)) ? 0 : quiet + 1;
    }
    if (quiet >= looksUntilHang || still >= looksUntilGivenUp) return;
  }
}

async function works({ admin, login }: World): Promise<boolean> {
  const { rows } = await admin.query<{ works: boolean }>(
    "select count(*) > 0 as works from pg_stat_activity where usename = $1 and state = 'active' and wait_event_type is distinct from 'Client'",
    [login],
  );
  return rows[0]?.works ?? true;
}
