/** What kind of condition stopped a process from starting. */
export type StartupErrorCode =
  | 'CONFIG_INVALID'
  | 'DATA_DIR_UNUSABLE'
  | 'DATABASE_UNREACHABLE'
  | 'POSTGRES_UNAVAILABLE'
  | 'PORT_TAKEN'
  | 'SERVICE_FAILED';

/**
 * A condition that whoever starts the process can remedy, so it is reported without a stack trace. The message is
 * one sentence that names the option, variable or path to change.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  readonly code: StartupErrorCode;

  constructor(code: StartupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
