import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again until the answer is right; fails after a minute, which no healthy machine needs. */
export async function until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (await ask()) return;
    await sleep(50);
  }
  throw new Error(`It never came true: ${what}`);
}
