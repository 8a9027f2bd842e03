// npm run mutants -- <room>: writes small mistakes into a room of the library, one at a time, and counts those that its tests notice.
import { glob, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { hashOf, type MeasuredFile, measuredFile } from './mutants/measured-file.ts';
import { reportMutants } from './mutants/report-mutants.ts';
import { readResults, resultsOf } from './mutants/results.ts';
import { type Room, rooms } from './mutants/rooms.ts';

const program = new Command('npm run mutants --')
  .description(
    'Writes small mistakes into the files of a room, one at a time, runs the tests that belong to it, and keeps what they did not notice in docs/mutants.md.',
  )
  .addArgument(new Argument('<room>', 'a room of the library').choices(Object.keys(rooms)))
  .option('-f, --files <words...>', 'only files whose paths contain one of these', [])
  .option('-n, --next <number>', 'at most so many files, of those that were not measured as they are now', whole)
  .option('-a, --again', 'also files that were measured as they are now', false)
  .option('-c, --concurrency <number>', 'processes at the same time, each with a PostgreSQL of its own', whole, 2)
  .addHelpText('after', '\nExit codes: 0 the target is reached; 1 it is not; 2 wrong usage.')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse();

const [name = ''] = program.args;
const {
  files: words,
  next,
  again,
  concurrency,
} = program.opts<{
  files: string[];
  next?: number;
  again: boolean;
  concurrency: number;
}>();

process.exitCode = await main(name, rooms[name]);

async function main(roomName: string, room: Room | undefined): Promise<number> {
  if (!room) return 2;
  const known = await readResults(roomName);
  const files = await filesOf(room);
  const chosen: string[] = [];
  for (const file of files) {
    const measured = known[file]?.hash === hashOf(await readFile(file, 'utf8'));
    const named = words.length === 0 || words.some((word) => file.includes(word));
    if (named && (again || !measured)) chosen.push(file);
  }
  const now = chosen.slice(0, next);
  if (now.length > 0) await measure(roomName, room, now, known);
  return reportMutants(rooms, roomName);
}

async function filesOf({ sources }: Room): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob(sources.map((folder) => `${folder}/**/*.ts`))) found.push(file);
  return found.toSorted();
}

async function measure(
  roomName: string,
  { tests }: Room,
  files: readonly string[],
  known: Readonly<Record<string, MeasuredFile>>,
): Promise<void> {
  process.env['MUTANT_TESTS'] = tests.map((folder) => `${folder}/**/*.test.ts`).join(',');
  const results = await new Stryker({
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'scripts/mutants/vitest.config.ts', related: false },
    mutate: [...files],
    concurrency,
    coverageAnalysis: 'perTest',
    // What runs for ever was noticed; what only waits for PostgreSQL was not.
    timeoutMS: 40_000,
    dryRunTimeoutMinutes: 30,
    ignorePatterns: ['bench', 'docs'],
    reporters: ['progress-append-only'],
    tempDirName: '.mutants',
  }).runMutationTest();
  const byFile = Map.groupBy(results, ({ fileName }) => path.relative('.', path.resolve(fileName)));
  const measured = await Promise.all(
    files.map(async (file): Promise<[string, MeasuredFile]> => [
      file,
      await measuredFile(file, byFile.get(file) ?? []),
    ]),
  );
  const file = resultsOf(roomName);
  await mkdir(path.dirname(file), { recursive: true });
  const merged = { ...known, ...Object.fromEntries(measured) };
  await writeFile(file, `${JSON.stringify(merged, undefined, 1)}\n`);
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It is not a whole number above 0.');
  return Number(text);
}
