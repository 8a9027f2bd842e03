import type pg from 'pg';
import { CatalogReader } from './catalog-reader.js';
import type { DriftOptions, DriftSelector } from './drift-options.js';
import type { DriftReport } from './drift-report.js';
import { FleetLook } from './fleet-look.js';
import { readGround } from './read-ground.js';
import { countSubjects } from './read-subjects.js';
import { readSurroundings } from './read-surroundings.js';

/**
 * Compares tenant schemas with what their ledgers say they should be, and the catalog with the schemas that there are.
 * Nothing is written: what a schema should be is made in a transaction that is rolled back.
 *
 * @param owner - A pool of the owner role; one connection is enough.
 * @throws TenancyError `TENANCY_OPTION_INVALID` for a service or a tenant that is not there.
 */
export async function detectDrift(
  owner: Pick<pg.Pool, 'connect'>,
  selector: DriftSelector = {},
  options: DriftOptions = {},
): Promise<DriftReport> {
  const started = performance.now();
  const { chunkSize = 300, statementTimeoutMs = 60_000, lockTimeoutMs = 5000 } = options;
  const reader = new CatalogReader(owner, { statementTimeoutMs, lockTimeoutMs });
  const [ground, total, surroundings] = await reader.read(async (client) => {
    const read = await readGround(client, selector);
    return [read, await countSubjects(client, selector), await readSurroundings(client, selector, read)] as const;
  });
  const first = await new FleetLook(reader, ground, selector, chunkSize).over(total, options);
  // A rollout may have moved a tenant between two reads. What differed is compared once more, with what is registered
  // now.
  const groundNow = first.suspects.length === 0 ? ground : await reader.read((client) => readGround(client, selector));
  const { drifted, unchecked, lost } = await new FleetLook(reader, groundNow, selector, chunkSize).at(first.suspects);
  const { orphans, others, neverMade } = surroundings;
  const missing = [...lost, ...neverMade];
  const clean = !first.stopped && [drifted, missing, orphans, unchecked].every((found) => found.length === 0);
  const tookMs = Math.round(performance.now() - started);
  return {
    clean,
    checked: first.checked,
    drifted,
    missing,
    orphans,
    unchecked,
    others,
    stopped: first.stopped,
    tookMs,
  };
}
