import { readFile } from 'node:fs/promises';

/** Prints the last line of a test run for machines, from Vitest's JSON report. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly success: boolean;
}

const text = await readFile(process.argv[2] ?? '', 'utf8').catch(() => '');
const report: Report =
  text === '' ? { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, success: false } : JSON.parse(text);
// A suite that could not start fails without counting a test.
const failed = report.success ? report.numFailedTests : Math.max(1, report.numFailedTests);
const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : '';
console.log(`${report.numPassedTests} passed, ${failed} failed${skipped}`);
process.exitCode = failed > 0 ? 1 : 0;
