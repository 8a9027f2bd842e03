import { glob, readFile, writeFile } from 'node:fs/promises';
import { hashOf, type MeasuredFile, type Survivor } from './measured-file.ts';
import { readResults } from './results.ts';
import type { Room } from './rooms.ts';

/** Why a mistake is not noticed, by file and mistake; `equivalent` where it makes no difference. */
type Reasons = Readonly<
  Record<string, Readonly<Record<string, { readonly equivalent?: true; readonly reason: string }>>>
>;

/** What is known of one room, of its files as they are now. */
interface Standing {
  readonly name: string;
  readonly target: number;
  readonly files: number;
  readonly measured: number;
  readonly noticed: number;
  readonly equivalent: number;
  readonly survivors: readonly {
    readonly file: string;
    readonly survivor: Survivor;
    readonly reason: string | undefined;
  }[];
}

const page = 'docs/mutants.md';

/** Writes the table of all rooms, and answers whether the one asked for is as good as it must be: 0 or 1. */
export async function reportMutants(rooms: Readonly<Record<string, Room>>, asked: string): Promise<number> {
  const reasons = JSON.parse(await readFile('scripts/mutants/reasons.json', 'utf8')) as Reasons;
  const standings: Standing[] = [];
  for (const [name, room] of Object.entries(rooms)) standings.push(await standingOf(name, room, reasons));
  await writeFile(page, pageOf(standings));
  const standing = standings.find(({ name }) => name === asked);
  if (!standing) return 2;
  for (const { file, survivor, reason } of standing.survivors)
    if (reason === undefined)
      console.log(`${file}:${survivor.line} ${survivor.reached ? '' : 'not reached '}${survivor.mistake}`);
  console.log(rowOf(standing));
  return scoreOf(standing) >= standing.target ? 0 : 1;
}

async function standingOf(name: string, { sources, target }: Room, reasons: Reasons): Promise<Standing> {
  const results = await readResults(name);
  const measured: [string, MeasuredFile][] = [];
  let files = 0;
  for await (const file of glob(sources.map((folder) => `${folder}/**/*.ts`))) {
    files++;
    const result = results[file];
    if (result?.hash === hashOf(await readFile(file, 'utf8'))) measured.push([file, result]);
  }
  const all = measured.flatMap(([file, { survivors }]) =>
    survivors.map((survivor) => ({ file, survivor, known: reasons[file]?.[survivor.mistake] })),
  );
  return {
    name,
    target,
    files,
    measured: measured.length,
    noticed: measured.reduce((sum, [, { noticed }]) => sum + noticed, 0),
    equivalent: all.filter(({ known }) => known?.equivalent).length,
    survivors: all
      .filter(({ known }) => !known?.equivalent)
      .map(({ file, survivor, known }) => ({ file, survivor, reason: known?.reason })),
  };
}

/** Percent of the mistakes that make a difference. */
function scoreOf({ noticed, survivors }: Standing): number {
  const all = noticed + survivors.length;
  return all === 0 ? 0 : Math.floor((1000 * noticed) / all) / 10;
}

function rowOf(standing: Standing): string {
  const { name, target, files, measured, noticed, equivalent, survivors } = standing;
  const cells = [
    name,
    `${measured} of ${files}`,
    noticed + survivors.length,
    noticed,
    `${scoreOf(standing)} %`,
    `${target} %`,
    equivalent,
  ];
  return `| ${cells.join(' | ')} |`;
}

function pageOf(standings: readonly Standing[]): string {
  const known = standings.filter(({ measured }) => measured > 0);
  const lists = known
    .filter(({ survivors }) => survivors.length > 0)
    .map(({ name, survivors }) => {
      const lines = survivors.map(
        ({ file, survivor, reason }) =>
          `- \`${file.replace('packages/tenantry/src/', '')}:${survivor.line}\` ${code(survivor.mistake)}${survivor.reached ? '' : ' (no test of the room runs it)'}${reason === undefined ? '' : `: ${reason}`}`,
      );
      return `## ${name}\n\n${lines.join('\n')}\n`;
    });
  return `# Mistakes that the tests notice

\`npm run mutants -- <room>\` writes small mistakes into a room of the library, one at a time, and runs the tests that belong to it. A mistake
is *noticed* when a test fails or never ends. *Equivalent* ones make no difference: \`scripts/mutants/reasons.json\` says why for each. A
file that has changed since it was measured is not counted until it is measured again.

| room | files measured | mistakes | noticed | share | wanted | equivalent |
| --- | --- | --- | --- | --- | --- | --- |
${known.map(rowOf).join('\n')}

What was not noticed, by room:

${lists.join('\n')}`;
}

function code(text: string): string {
  return `\`\` ${text.replaceAll('|', '\\|')} \`\``;
}
