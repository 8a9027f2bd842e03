/** How far a long copy is. */
export interface CopyProgress {
  /** `verify`: a file is read before anything is written. `rows`: rows move. `check`: keys and checksums are. `migrate`: to head. */
  readonly phase: 'verify' | 'rows' | 'check' | 'migrate';
  /** `service.table` that is at work. */
  readonly table?: string;
  /** Bytes, of `total`; while a tenant is exported the total is estimated. */
  readonly done: number;
  readonly total: number;
}

/** How a copy is watched and stopped. */
export interface CopyWatch {
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  /** Stops it; nothing of it is left then. */
  readonly signal?: AbortSignal | undefined;
}
