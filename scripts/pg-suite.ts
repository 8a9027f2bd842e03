// npm run pg-suite: node-postgres's own integration tests, on plain `pg` and on the gate in a tenant's scope.
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { openArena, type Side } from './pg-suite/arena.ts';
import { type Outcome, runFile } from './pg-suite/run-file.ts';

/** What one test file did on both sides. */
interface Compared {
  readonly file: string;
  readonly plain: string | undefined;
  /** Why it failed on the gate; not set, it passed. */
  readonly gate: string | undefined;
}

const variable = 'NODE_POSTGRES_DIR';
const concurrency = 3;
const reasonsFile = new URL('pg-suite-reasons.json', import.meta.url);

const howTo = `${variable} names no checkout of node-postgres. Make one, with what its tests need:
  git clone --depth 1 https://github.com/brianc/node-postgres && cd node-postgres
  npm install --no-save --ignore-scripts --workspaces=false async@2 bluebird@3 co@4 expect.js@0.3 lodash@4 mocha@11 pg-copy-streams@0.3
  ${variable}=$PWD npm run pg-suite --prefix <this repository>
Words after \`--\` choose the files whose paths contain one of them.`;

process.exitCode = await main(process.env[variable], process.argv.slice(2));

async function main(checkout: string | undefined, only: readonly string[]): Promise<number> {
  if (!checkout) {
    console.error(howTo);
    return 2;
  }
  const files = await testFiles(checkout, only);
  if (files.length === 0) {
    console.error(`No test files in ${checkout}.\n\n${howTo}`);
    return 2;
  }
  const compared = await compareAll(path.resolve(checkout), files);
  const reasons = JSON.parse(await readFile(reasonsFile, 'utf8')) as Record<string, string>;
  return report(compared, new Map(Object.entries(reasons)));
}

async function testFiles(checkout: string, only: readonly string[]): Promise<string[]> {
  const patterns = ['packages/pg/test/integration/**/*-tests.js', 'packages/pg-pool/test/*.js'];
  const found: string[] = [];
  for await (const file of glob(patterns, { cwd: checkout })) found.push(file);
  // These two are what the other files use.
  const support = new Set(['packages/pg-pool/test/setup.js', 'packages/pg-pool/test/idle-timeout-exit.js']);
  return found
    .filter((file) => !support.has(file) && (only.length === 0 || only.some((word) => file.includes(word))))
    .toSorted();
}

async function compareAll(checkout: string, files: readonly string[]): Promise<Compared[]> {
  const compared: Compared[] = [];
  const left = files.values();
  const workers = Array.from({ length: Math.min(concurrency, files.length) }, async () => {
    const arena = await openArena();
    try {
      for (const file of left) {
        const plain = await runPatiently(checkout, file, arena.plain);
        const gate = await runPatiently(checkout, file, arena.gate);
        compared.push({ file, plain: plain.failure, gate: gate.failure });
        process.stderr.write(`\r${compared.length} of ${files.length} files `);
        if (files.length <= 3) console.log(`\n${plain.output}\n--- on the gate:\n${gate.output}`);
      }
    } finally {
      await arena.close();
    }
  });
  await Promise.all(workers);
  process.stderr.write('\n');
  return compared.toSorted((a, b) => a.file.localeCompare(b.file));
}

/** Many of these tests count milliseconds, so that a busy machine fails them: what fails is tried once more. */
async function runPatiently(checkout: string, file: string, side: Side): Promise<Outcome> {
  const first = await runFile(checkout, file, side);
  return first.failure === undefined ? first : runFile(checkout, file, side);
}

function report(compared: readonly Compared[], reasons: ReadonlyMap<string, string>): number {
  const suites = Object.groupBy(compared, ({ file }) => file.split('/')[1] ?? '');
  let unexplained = 0;
  for (const [suite, files = []] of Object.entries(suites)) {
    const plain = files.filter((file) => file.plain === undefined);
    const both = plain.filter((file) => file.gate === undefined);
    console.log(
      `\n${suite}: ${files.length} files, ${plain.length} pass on plain pg, ${both.length} of these on the gate`,
    );
    for (const { file, plain: failure } of files)
      if (failure) console.log(`  fails on plain pg too  ${file}: ${failure}`);
    for (const { file, gate } of plain) {
      if (gate === undefined) continue;
      const reason = reasons.get(file);
      if (reason === undefined) unexplained++;
      console.log(`  ${reason === undefined ? 'unexplained' : 'refused'}  ${file}: ${reason ?? gate}`);
    }
    for (const { file, gate } of files)
      if (gate === undefined && reasons.has(file)) console.log(`  passes, though a reason is kept for it: ${file}`);
  }
  return unexplained === 0 ? 0 : 1;
}
