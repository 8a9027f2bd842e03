import { catalogScope } from '../context/scope.js';
import { runInScope } from '../context/current-scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { AnswerRow, ReadOnlyAnswer } from '../isolation/read-only-flight.js';
import { sqlstateOf } from '../postgres/sqlstate.js';
import { translateError } from '../postgres/translate-error.js';
import { aggregateStatement } from './aggregate.js';
import {
  askTenant,
  invalidReport,
  isOfConnection,
  isOfStatement,
  type Question,
  type ReadOnlyPool,
  type Said,
} from './ask-tenant.js';
import { inOrder } from './in-order.js';
import type { ReportFailure, ReportOutcome } from './report.js';
import {
  type MergedColumn,
  mergedColumns,
  mismatch,
  type TypeFacts,
  typeFactsSql,
  unfitNames,
} from './report-columns.js';
import { parameterText, type ReportRequest } from './report-options.js';
import { countTenants, findExamples, findService, type ReadCatalog, reportTenants } from './report-tenants.js';

/** What a report is made with. */
export interface ReportParts {
  readonly pool: ReadOnlyPool & {
    query(text: string, values: unknown[]): Promise<{ rows: object[] }>;
  };
  readonly database: string;
}

/** Where the rows go; a promise holds the report up until it is kept. */
export interface ReportSink {
  /** Once, before the first rows. */
  columns?(columns: readonly MergedColumn[]): void | Promise<void>;
  /** The rows of one tenant, without the tenant. */
  rows?(tenant: string, rows: readonly AnswerRow[]): void | Promise<void>;
  progress?(done: number, total: number): void;
}

/** The answer of an aggregate. */
export interface AggregateAnswer {
  readonly columns: readonly MergedColumn[];
  readonly rows: readonly AnswerRow[];
}

/** After so many lost connections in a row it is the server that is away, and not one tenant that fails. */
const lostMax = 8;

/** Runs one report. */
export class ReportRun {
  readonly #parts: ReportParts;
  readonly #request: ReportRequest;
  readonly #sink: ReportSink;
  readonly #read: ReadCatalog;
  readonly #kept: AnswerRow[] = [];
  readonly #failures: ReportFailure[] = [];
  #columns: readonly MergedColumn[] | undefined;
  #rows = 0;
  #answered = 0;
  #cutTenants = 0;
  #limitReachedAt: string | null = null;
  #lost = 0;

  constructor(parts: ReportParts, request: ReportRequest, sink: ReportSink) {
    this.#parts = parts;
    this.#request = request;
    this.#sink = sink;
    this.#read = (text, values) =>
      runInScope(catalogScope, async () => (await parts.pool.query(text, [...values])).rows as never);
  }

  /**
   * Asks every selected tenant; one that fails is reported.
   *
   * @throws TenancyError `TENANCY_REPORT_INVALID` before more than three tenants were asked, `TENANCY_OPTION_INVALID`,
   * `TENANCY_DATABASE_UNAVAILABLE`.
   */
  async run(): Promise<ReportOutcome & { readonly aggregate: AggregateAnswer | null }> {
    const { selector = {}, concurrency, signal, sql, params = [], timeoutMs, limitPerTenant } = this.#request;
    const { service, sharedSchemas, head } = await findService(this.#read, this.#request.service);
    const values = params.map(parameterText);
    const question = {
      service,
      sharedSchemas,
      database: this.#parts.database,
      text: sql,
      values,
      statementTimeoutMs: timeoutMs,
    };
    await this.#tryOnFew(question, await findExamples(this.#read, service, head, selector));
    const total = this.#sink.progress ? await countTenants(this.#read, service, selector) : 0;
    const tenants = this.#until(reportTenants(this.#read, service, selector));
    let done = 0;
    for await (const said of inOrder(tenants, concurrency, (tenant) =>
      askTenant(this.#parts.pool, question, tenant, limitPerTenant + 1),
    )) {
      await this.#take(said);
      this.#sink.progress?.(++done, total);
      if (this.#limitReachedAt !== null) break;
    }
    const stopped = signal?.aborted ?? false;
    return { ...this.#outcome(stopped), aggregate: stopped ? null : await this.#aggregate(this.#kept) };
  }

  #outcome(stopped: boolean): ReportOutcome {
    const [answered, failures] = [this.#answered, this.#failures];
    const [cutTenants, limitReachedAt] = [this.#cutTenants, this.#limitReachedAt];
    const complete = failures.length === 0 && cutTenants === 0 && limitReachedAt === null && !stopped;
    return { answered, failures, cutTenants, limitReachedAt, stopped, complete };
  }

  /** A statement that no tenant can run fails here, and not ten thousand times; the first answer says what the columns are. */
  async #tryOnFew(question: Question, examples: readonly Said['tenant'][]): Promise<void> {
    let refusal: unknown;
    for (const tenant of examples) {
      const { answer, error } = await askTenant(this.#parts.pool, question, tenant, 1);
      if (answer) return this.#define(answer, tenant.schema ?? undefined);
      if (!isOfStatement(error)) return;
      refusal ??= error;
    }
    if (refusal !== undefined) throw invalidReport('statement', question.text, refusal);
  }

  async #define({ columns }: ReadOnlyAnswer, schema: string | undefined): Promise<void> {
    requireNames('statement', columns);
    this.#columns = mergedColumns(columns, await this.#factsOf(columns), schema);
    // Tried over no rows, so that a wrong aggregate is found before the whole fleet was asked.
    await this.#aggregate([]).catch((error: unknown) => {
      if (error instanceof TenancyError) throw error;
    });
    await this.#sink.columns?.(this.#columns);
  }

  #factsOf(columns: ReadOnlyAnswer['columns']): Promise<readonly TypeFacts[]> {
    return this.#read<TypeFacts>(typeFactsSql, [[...new Set(columns.map(({ type }) => type))]]);
  }

  async *#until<T>(tenants: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const tenant of tenants) {
      if (this.#request.signal?.aborted) return;
      yield tenant;
    }
  }

  async #take({ tenant, answer, error }: Said): Promise<void> {
    if (!answer) return this.#fail(tenant.id, error);
    this.#lost = 0;
    if (!this.#columns) await this.#define(answer, tenant.schema ?? undefined);
    const merged = this.#columns ?? [];
    const reason = mismatch(merged, answer.columns);
    if (reason !== undefined)
      return this.#fail(tenant.id, new TenancyError('TENANCY_REPORT_MISMATCH', { tenant: tenant.id, reason }));
    this.#answered++;
    const { limit, limitPerTenant, aggregate } = this.#request;
    const whole = answer.rows.length;
    const rows = answer.rows.slice(0, Math.min(limitPerTenant, limit - this.#rows));
    this.#rows += rows.length;
    if (rows.length < Math.min(whole, limitPerTenant)) this.#limitReachedAt = tenant.id;
    else if (whole > limitPerTenant) this.#cutTenants++;
    if (aggregate !== undefined) for (const row of rows) this.#kept.push([tenant.id, ...row]);
    await this.#sink.rows?.(tenant.id, rows);
  }

  #fail(tenant: string, error: unknown): void {
    const translated = translateError(error);
    this.#lost = isOfConnection(error) ? this.#lost + 1 : 0;
    if (this.#lost >= lostMax) throw translated ?? error;
    const reason = error instanceof TenancyError ? error.operatorMessage : (error as Error).message;
    const code = error instanceof TenancyError ? error.code : (sqlstateOf(error) ?? translated?.code ?? null);
    this.#failures.push({ tenant, code, reason });
  }

  async #aggregate(rows: readonly AnswerRow[]): Promise<AggregateAnswer | null> {
    const { aggregate, limit, timeoutMs } = this.#request;
    if (aggregate === undefined || !this.#columns) return null;
    const { before, ...statement } = aggregateStatement(aggregate, this.#columns, rows);
    try {
      const request = { ...statement, scope: catalogScope, statementTimeoutMs: timeoutMs, rowsMax: limit + 1 };
      const answer = await this.#parts.pool.readOnly(request);
      requireNames('aggregate', answer.columns);
      if (answer.rows.length > limit)
        throw new TenancyError('TENANCY_OPTION_INVALID', {
          option: 'limit',
          reason: 'the aggregate returns more rows',
        });
      return {
        columns: mergedColumns(answer.columns, await this.#factsOf(answer.columns), undefined),
        rows: answer.rows,
      };
    } catch (error) {
      if (isOfStatement(error)) throw invalidReport('aggregate', aggregate, error, before);
      throw error;
    }
  }
}

function requireNames(what: 'statement' | 'aggregate', columns: ReadOnlyAnswer['columns']): void {
  const reason = unfitNames(columns, what === 'statement');
  if (reason !== undefined) throw new TenancyError('TENANCY_REPORT_INVALID', { what, where: '', reason });
}
