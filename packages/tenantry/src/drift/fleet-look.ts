import type { CatalogReader } from './catalog-reader.js';
import type { Compared } from './compared.js';
import type { DriftOptions, DriftSelector } from './drift-options.js';
import type { DriftedSchema, DriftReport, MissingSchema } from './drift-report.js';
import { explainAll } from './explain-all.js';
import { ledgerDifferences } from './ledger-differences.js';
import type { DriftGround } from './read-ground.js';
import { type Part, readFingerprints, readSubjects, type Subject } from './read-subjects.js';
import { References } from './references.js';

/** Schemas in the first chunk. It is small, because nobody knows yet how many tables each has. */
const firstChunk = 50;

/** Milliseconds that a chunk should take at most: far from the statement timeout, and often enough for a progress bar. */
const chunkMs = 1000;

/** One look at the fleet, or at a part of it. */
export class FleetLook {
  readonly #reader: CatalogReader;
  readonly #ground: DriftGround;
  readonly #selector: DriftSelector;
  readonly #chunkSize: number;
  readonly #references: References;

  constructor(reader: CatalogReader, ground: DriftGround, selector: DriftSelector, chunkSize: number) {
    this.#reader = reader;
    this.#ground = ground;
    this.#selector = selector;
    this.#chunkSize = chunkSize;
    this.#references = new References(reader, ground);
  }

  /** Compares all fingerprints, chunk by chunk. */
  async over(total: number, { onProgress, signal }: DriftOptions) {
    const suspects: string[] = [];
    let checked = 0;
    let after = '';
    let limit = Math.min(firstChunk, this.#chunkSize);
    for (;;) {
      if (signal?.aborted) return { checked, suspects, stopped: true };
      const started = performance.now();
      const compared = await this.#compare({ after, limit });
      suspects.push(...compared.filter((each) => this.#differs(each)).map(({ subject }) => subject.schema));
      checked += compared.length;
      onProgress?.(checked, Math.max(total, checked));
      const last = compared.at(-1);
      if (!last || compared.length < limit) return { checked, suspects, stopped: false };
      after = last.subject.schema;
      limit = nextLimit(limit, performance.now() - started, this.#chunkSize);
    }
  }

  /** Compares certain schemas, and explains what differs. */
  async at(schemas: readonly string[]) {
    const differing: Compared[] = [];
    for (let start = 0; start < schemas.length; start += this.#chunkSize) {
      const compared = await this.#compare({ schemas: schemas.slice(start, start + this.#chunkSize) });
      differing.push(...compared.filter((each) => this.#differs(each)));
    }
    const there = differing.filter(({ subject, reference }) => subject.exists && reference.failure === undefined);
    const explained = await explainAll(this.#reader, this.#ground, there);
    return {
      drifted: differing
        .map((each) => this.#drifted(each, explained))
        .filter(({ differences }) => differences.length > 0),
      unchecked: uncheckedOf(differing),
      lost: differing.filter(({ subject }) => !subject.exists).map(({ subject }) => asLost(subject)),
    };
  }

  async #compare(part: Part): Promise<Compared[]> {
    const [subjects, fingerprints] = await this.#reader.read(async (client) => {
      const read = await readSubjects(client, this.#selector, part);
      return [read, await readFingerprints(client, read)] as const;
    });
    const compared: Compared[] = [];
    for (const subject of subjects) {
      const reference = await this.#references.of(subject);
      compared.push({ subject, reference, fingerprint: fingerprints.get(subject.schema) });
    }
    return compared;
  }

  #differs(compared: Compared): boolean {
    return compared.fingerprint !== compared.reference.fingerprint || this.#ledgerOf(compared.subject).length > 0;
  }

  #drifted({ subject }: Compared, explained: Awaited<ReturnType<typeof explainAll>>): DriftedSchema {
    const { tenant, service, schema, head } = subject;
    return {
      tenant,
      service,
      schema,
      head,
      differences: [...this.#ledgerOf(subject), ...(explained.get(schema) ?? [])],
    };
  }

  #ledgerOf({ head, ledger, service }: Subject) {
    return ledgerDifferences(head, ledger, this.#ground.services.get(service)?.migrations ?? []);
  }
}

function nextLimit(limit: number, tookMs: number, max: number): number {
  return tookMs > chunkMs ? Math.max(10, Math.ceil(limit / 2)) : Math.min(max, limit * 2);
}

function uncheckedOf(differing: readonly Compared[]): DriftReport['unchecked'] {
  const groups = Map.groupBy(
    differing.filter(({ subject, reference }) => subject.exists && reference.failure !== undefined),
    ({ reference }) => reference,
  );
  return [...groups].map(([{ failure = '' }, each]) => ({
    service: each[0]?.subject.service ?? '',
    head: each[0]?.subject.head ?? null,
    schemas: each.map(({ subject }) => subject.schema),
    reason: failure,
  }));
}

function asLost({ tenant, service, schema }: Subject): MissingSchema {
  const words = `The catalog has the schema ${schema}, the database does not. Restore it from a backup, or delete its rows in tenantry.tenant_schema and tenantry.ledger to get an empty one.`;
  return { tenant, service, schema, problem: 'lost', words };
}
