import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { ShippedService } from '../../migrations/tenant-migration.js';
import { lockNames } from '../../postgres/lock-names.js';
import type { ServiceName } from '../../tenant/service-name.js';
import { BuiltElsewhere, buildTemplate, type BuiltTemplate, type TemplateGround } from './build-template.js';
import { isWorthBuilding, whyNotFaster } from './template-fit.js';

/** Where it is told what became of a template. */
export interface TemplateLog {
  log(message: string): void;
  warn(message: string): void;
}

/** Raise it when templates are built in another way: those of a lower form are then built anew. */
const form = 1;

/** Milliseconds after which a process looks again whether another one has built what it lacks. */
const lookAgainMs = 10_000;

interface Known {
  readonly checksum: string;
  readonly statements: readonly string[] | undefined;
  readonly until: number;
}

interface Kept {
  readonly checksum: string;
  readonly statements: readonly string[] | null;
}

/** Finds the template of a service's head, and builds it where there is none: once per head, by one process. */
export class TemplateKeeper {
  readonly #owner: pg.Pool;
  readonly #ground: TemplateGround;
  readonly #logger: TemplateLog | undefined;
  readonly #known = new Map<ServiceName, Known>();
  readonly #building = new Map<string, Promise<void>>();

  /** @param owner - Made with `pipeline: true`. */
  constructor(owner: pg.Pool, ground: Omit<TemplateGround, 'owner'>, logger?: TemplateLog) {
    this.#owner = owner;
    this.#ground = { ...ground, owner };
    this.#logger = logger;
  }

  /** The statements that make a tenant schema at this head, with placeholders; `undefined` where migrations are to be replayed. */
  async find(service: ServiceName, shipped: ShippedService): Promise<readonly string[] | undefined> {
    if (!isWorthBuilding(shipped.migrations)) return undefined;
    const checksum = this.#checksumOf(shipped);
    const known = this.#known.get(service);
    if (known?.checksum === checksum && known.until > performance.now()) return known.statements;
    const kept = await this.#read(service, checksum);
    const until = performance.now() + (kept ? Number.POSITIVE_INFINITY : lookAgainMs);
    this.#known.set(service, { checksum, statements: kept?.statements ?? undefined, until });
    return kept?.statements ?? undefined;
  }

  /** Forgets a template that turned out wrong; until this process ends it replays. */
  distrust(service: ServiceName, shipped: ShippedService, reason: string): void {
    const checksum = this.#checksumOf(shipped);
    this.#known.set(service, { checksum, statements: undefined, until: Number.POSITIVE_INFINITY });
    this.#logger?.warn(`The template of ${service} failed, so its migrations were replayed: ${reason}`);
  }

  /** Builds the template of a head that has none yet. A build that fails is remembered, and never throws. */
  build(service: ServiceName, shipped: ShippedService): Promise<void> {
    if (!isWorthBuilding(shipped.migrations)) return Promise.resolve();
    const checksum = this.#checksumOf(shipped);
    const building =
      this.#building.get(checksum) ??
      this.#build(service, shipped, checksum).catch((error: Error) => {
        this.#building.delete(checksum);
        if (!(error instanceof BuiltElsewhere)) this.#logger?.warn(`No template of ${service} yet: ${error.message}`);
      });
    this.#building.set(checksum, building);
    return building;
  }

  async #build(service: ServiceName, shipped: ShippedService, checksum: string): Promise<void> {
    if (await this.#read(service, checksum)) return;
    const built = await buildTemplate(this.#ground, shipped, lockNames.template(service));
    const slow = built.statements && whyNotFaster(built.statements.length, shipped.migrations);
    const { statements, reason }: BuiltTemplate = slow === undefined ? built : { reason: slow };
    await this.#owner.query(
      // A process that ships an older head overwrites nothing.
      `insert into tenantry.snapshot as s (service, head, checksum, statements, reason)
       select $1, $2, $3, $4, $5 from tenantry.service where name = $1 and head = $2
       on conflict (service) do update set (head, checksum, statements, reason, built_at) =
         (excluded.head, excluded.checksum, excluded.statements, excluded.reason, now())`,
      [service, shipped.migrations.at(-1)?.name, checksum, statements ?? null, reason ?? null],
    );
    this.#known.delete(service);
    this.#logger?.log(
      statements
        ? `New tenants of ${service} are made from a template of ${statements.length} statements.`
        : `New tenants of ${service} are made by replaying its migrations, because ${reason}.`,
    );
  }

  async #read(service: ServiceName, checksum: string): Promise<Kept | undefined> {
    const { rows } = await this.#owner.query<Kept>(
      'select checksum, statements from tenantry.snapshot where service = $1 and checksum = $2',
      [service, checksum],
    );
    return rows[0];
  }

  #checksumOf({ migrations, sharedSchemas }: ShippedService): string {
    const { isolation, serverVersion } = this.#ground;
    const major = Math.floor(serverVersion / 10_000);
    const what = [
      form,
      isolation,
      major,
      sharedSchemas,
      migrations.map(({ name, kind, checksum }) => [name, kind, checksum]),
    ];
    return createHash('sha256').update(JSON.stringify(what)).digest('hex');
  }
}
