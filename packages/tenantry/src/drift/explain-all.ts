import type { CatalogReader } from './catalog-reader.js';
import type { Compared } from './compared.js';
import type { DriftDifference } from './drift-report.js';
import { explainDrift } from './explain-drift.js';
import { fillSql, fillWords, maskValue, type OwnNames } from './placeholders.js';
import type { DriftGround } from './read-ground.js';
import { readObjects, type Subject } from './read-subjects.js';

const chunkSize = 50;

/**
 * Explains differences, by schema. Schemas that differ from the same reference in the same way have the same fingerprint:
 * one of them is looked at, so that a whole fleet that drifted alike costs no more than one tenant.
 */
export async function explainAll(
  reader: CatalogReader,
  ground: DriftGround,
  compared: readonly Compared[],
): Promise<ReadonlyMap<string, readonly DriftDifference[]>> {
  const alike = [...Map.groupBy(compared, ({ reference, fingerprint }) => `${fingerprint} ${reference.key}`).values()];
  const explained = new Map<string, readonly DriftDifference[]>();
  for (let start = 0; start < alike.length; start += chunkSize) {
    const groups = alike.slice(start, start + chunkSize).filter((group) => group.length > 0);
    const first = groups.map(([each]) => each as Compared);
    const objects = await reader.read((client) =>
      readObjects(
        client,
        first.map(({ subject }) => subject),
      ),
    );
    for (const [index, group] of groups.entries()) {
      const { subject, reference } = first[index] as Compared;
      // Both names are masked on both sides. Otherwise a table that is named like the other tenant's schema would
      // differ.
      const masked = [subject.schema, reference.schema];
      const differences = explainDrift(
        maskValue(reference.objects, masked),
        maskValue(objects[index] ?? [], masked),
        ground.serverVersion,
      );
      for (const { subject: each } of group) explained.set(each.schema, tell(differences, namesOf(each, ground)));
    }
  }
  return explained;
}

function namesOf({ schema, role, serviceRole }: Subject, { owner }: DriftGround): OwnNames {
  return { schema, tenant: role, service: serviceRole, owner };
}

function tell(differences: readonly DriftDifference[], names: OwnNames): readonly DriftDifference[] {
  return differences.map((difference) => ({
    ...difference,
    object: fillWords(difference.object, names),
    words: fillWords(difference.words, names),
    repair: difference.repair === null ? null : fillSql(difference.repair, names),
  }));
}
