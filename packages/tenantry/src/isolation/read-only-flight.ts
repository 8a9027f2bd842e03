import pg from 'pg';
import type { Scope } from '../context/scope.js';
import { type WireConnection, WireQueryBase } from './pg-internals.js';
import { type GateOptions, preambleText, preambleValues, scopeSettings, type ScopeSettings } from './scope-settings.js';
import type { Wire as SentMessages } from './wire.js';

/** One select, and what it runs as. */
export interface ReadOnlyRequest {
  readonly scope: Scope;
  /** Schemas after the tenant's own on the search path. @default those of the pool */
  readonly sharedSchemas?: readonly string[] | undefined;
  /** Milliseconds it may run; 0 is no limit. @default that of the pool */
  readonly statementTimeoutMs?: number | undefined;
  /** The select. */
  readonly text: string;
  /** As text. */
  readonly values?: readonly (string | null)[] | undefined;
  /** OIDs of the values' types, where PostgreSQL should not find them out. */
  readonly types?: readonly number[] | undefined;
  /** Rows after which it reads no more. */
  readonly rowsMax: number;
}

/** A column of an answer, as PostgreSQL describes it; of a domain, its base type. */
export interface AnswerColumn {
  readonly name: string;
  readonly type: number;
}

/** Cells are PostgreSQL's own text: nothing is rounded. */
export type AnswerRow = readonly (string | null)[];

/** What a select answered. */
export interface ReadOnlyAnswer {
  readonly columns: readonly AnswerColumn[];
  readonly rows: readonly AnswerRow[];
}

interface Wire extends WireConnection {
  parse(message: { text: string; name: string; types?: readonly number[] }): void;
  bind(message: { portal: string; statement: string; values: readonly (string | null)[] }): void;
  describe(message: { type: 'P'; name: string }): void;
  sync(): void;
}

/** Only a select may stand after it: PostgreSQL's grammar refuses every other command, and data-modifying parts of one. */
const declare = 'declare tenantry_report no scroll cursor for ';

/** The statement of the flight, from 0, whose rows are the answer. */
const fetching = 3;

/**
 * A select that can write nothing and take nothing with it, in one flight: settings, `begin read only`, a cursor over the
 * select, as many rows as are wanted, `rollback`. The advisory locks of a session are the one thing that outlives a
 * rollback, so they are let go.
 */
export class ReadOnlyFlight extends WireQueryBase {
  readonly #request: ReadOnlyRequest;
  readonly #settings: ScopeSettings;
  readonly #sent: SentMessages;
  readonly #rows: AnswerRow[] = [];
  #columns: readonly AnswerColumn[] = [];
  #completed = 0;

  constructor(
    request: ReadOnlyRequest,
    { wire: sent, options }: { readonly wire: SentMessages; readonly options: GateOptions },
    callback: (error: Error | null, answer?: ReadOnlyAnswer) => void,
  ) {
    super({ text: request.text, queryMode: 'extended' }, undefined, (error: Error | null) =>
      error ? callback(error) : callback(null, { columns: this.#columns, rows: this.#rows }),
    );
    this.#request = request;
    this.#sent = sent;
    const { sharedSchemas = options.sharedSchemas, statementTimeoutMs = options.statementTimeoutMs } = request;
    this.#settings = scopeSettings(request.scope, { ...options, sharedSchemas, statementTimeoutMs });
  }

  /** Whether PostgreSQL refused the scope itself, and not the select. */
  get entering(): boolean {
    return this.#completed === 0;
  }

  override submit(connection: WireConnection): Error | null {
    const send = () => super.submit(connection);
    return this.#sent.turn(this.#request.text, () => this.#sent.ours(send)) ?? null;
  }

  override prepare(connection: WireConnection): void {
    const { text, values = [], types, rowsMax } = this.#request;
    const wire = connection as Wire;
    run(wire, { text: preambleText, values: preambleValues(this.#settings) });
    run(wire, { text: 'begin read only' });
    run(wire, { text: declare + text, values, types });
    run(wire, { text: `fetch ${rowsMax} from tenantry_report`, described: true });
    run(wire, { text: 'rollback' });
    run(wire, { text: 'select pg_catalog.pg_advisory_unlock_all()' });
    wire.sync();
  }

  override handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
  }

  override handleDataRow(message: unknown): void {
    if (this.#completed === fetching) this.#rows.push((message as { fields: AnswerRow }).fields);
  }

  override handleCommandComplete(): void {
    this.#completed++;
  }

  override handleError(error: Error, connection: WireConnection): void {
    // A position counts from the first character that PostgreSQL read.
    if (error instanceof pg.DatabaseError && error.position !== undefined)
      error.position = String(Math.max(1, Number(error.position) - declare.length));
    super.handleError(error, connection);
  }
}

interface Part {
  readonly text: string;
  readonly values?: readonly (string | null)[] | undefined;
  readonly types?: readonly number[] | undefined;
  readonly described?: boolean;
}

function run(wire: Wire, { text, values = [], types, described = false }: Part): void {
  wire.parse({ text, name: '', ...(types && { types }) });
  wire.bind({ portal: '', statement: '', values });
  if (described) wire.describe({ type: 'P', name: '' });
  wire.execute({ portal: '', rows: 0 });
}
