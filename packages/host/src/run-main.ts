import { describeConnectionError, type DescribeOptions } from './describe-connection-error.js';
import { StartupError } from './startup-error.js';

/**
 * Runs a program's main function. A failure that its operator can remedy becomes exactly one line on stderr,
 * `error: <sentence>`; anything else is a bug and shows its stack. Both end the process with exit code 1.
 */
export async function runMain(main: () => Promise<void>, options: DescribeOptions = {}): Promise<void> {
  try {
    await main();
  } catch (error) {
    const sentence = operatorSentence(error, options);
    const report = sentence === undefined ? stackOf(error) : `error: ${sentence.replace(/\s*\n\s*/g, ' ')}`;
    process.stderr.write(`${report}\n`, () => process.exit(1));
    // Reached when nobody reads stderr any more.
    process.exitCode = 1;
  }
}

/** The sentence for whoever runs the process, or `undefined` when the error is none that they could remedy. */
export function operatorSentence(error: unknown, options: DescribeOptions = {}): string | undefined {
  if (error instanceof StartupError) return error.message;
  const reported = tenancyReport(error);
  // The library reports that the database cannot be reached; the cause says why.
  if (reported !== undefined && reported.code !== 'TENANCY_DATABASE_UNAVAILABLE') return reported.operatorMessage;
  const variable = reported?.fields?.['variable'];
  const about = typeof variable === 'string' ? { ...options, variable } : options;
  return describeConnectionError(error, about) ?? reported?.operatorMessage;
}

interface TenancyReport {
  readonly code: string;
  readonly operatorMessage: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

function tenancyReport(error: unknown): TenancyReport | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('operatorMessage' in error))
    return undefined;
  const { code, operatorMessage } = error;
  const isReport = typeof code === 'string' && code.startsWith('TENANCY_') && typeof operatorMessage === 'string';
  return isReport ? (error as TenancyReport) : undefined;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : `Thrown: ${String(error)}`;
}
