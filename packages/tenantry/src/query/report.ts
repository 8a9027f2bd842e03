/** A column of a report. */
export interface ReportColumn {
  readonly name: string;
  /** PostgreSQL's name of its type. Types of a tenant's own, such as an enum, are `text` here. */
  readonly type: string;
}

/** A value as JavaScript has it: whole numbers up to 32 bits, floats and booleans as such, JSON parsed, all else PostgreSQL's own text. */
export type ReportValue = unknown;

/** One row, by column. */
export type ReportRow = Readonly<Record<string, ReportValue>>;

/** A tenant that could not be asked. */
export interface ReportFailure {
  readonly tenant: string;
  /** A code of Tenantry's, or PostgreSQL's SQLSTATE; `null` for an error with neither. */
  readonly code: string | null;
  readonly reason: string;
}

/** How a report went. */
export interface ReportOutcome {
  /** Tenants that answered. */
  readonly answered: number;
  /** By id. */
  readonly failures: readonly ReportFailure[];
  /** Tenants that had more rows than `limitPerTenant`. */
  readonly cutTenants: number;
  /** The tenant at which `limit` was reached: it and those after it are not in the report, or not whole. */
  readonly limitReachedAt: string | null;
  /** It was ended by its signal. */
  readonly stopped: boolean;
  /** Every selected tenant is in it, with all its rows. */
  readonly complete: boolean;
}

/** What a fleet answered. */
export interface Report extends ReportOutcome {
  /** `tenant` first. */
  readonly columns: readonly ReportColumn[];
  /** By tenant id. */
  readonly rows: readonly ReportRow[];
  /** What `aggregate` answered; `null` without one, and where no tenant answered. */
  readonly aggregate: { readonly columns: readonly ReportColumn[]; readonly rows: readonly ReportRow[] } | null;
}
