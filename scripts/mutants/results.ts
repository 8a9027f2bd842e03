import { readFile } from 'node:fs/promises';
import type { MeasuredFile } from './measured-file.ts';

/** Where a room's results are kept. */
export function resultsOf(room: string): string {
  return `scripts/mutants/results/${room}.json`;
}

/** What was found in a room's files when they were last measured. */
export async function readResults(room: string): Promise<Record<string, MeasuredFile>> {
  try {
    return JSON.parse(await readFile(resultsOf(room), 'utf8')) as Record<string, MeasuredFile>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
