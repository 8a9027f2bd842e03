/** Which tenant schemas are looked at. */
export interface DriftSelector {
  /** @default all services */
  readonly service?: string | undefined;
  /** Ids. @default all tenants */
  readonly tenants?: readonly string[] | undefined;
}

/** How drift is looked for. */
export interface DriftOptions {
  /** After each part of the fleet. */
  readonly onProgress?: ((checked: number, total: number) => void) | undefined;
  /** Ends the look early; what was seen until then is reported. */
  readonly signal?: AbortSignal | undefined;
  /** Schemas per query. @default 300 */
  readonly chunkSize?: number | undefined;
  /** Milliseconds one statement may run. @default 60000 */
  readonly statementTimeoutMs?: number | undefined;
  /** Milliseconds the scratch schema may wait for a lock, as a foreign key to a shared table needs one. @default 5000 */
  readonly lockTimeoutMs?: number | undefined;
}
