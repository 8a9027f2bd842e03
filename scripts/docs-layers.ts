import { glob, readFile, writeFile } from 'node:fs/promises';
import { layers } from './import-rules.ts';

/**
 * Draws the layers into ARCHITECTURE.md from the rules that imports are held to; with `--check`, fails when the picture is another.
 * Fails too when one room has become the hall in which everything stands.
 */
const page = 'ARCHITECTURE.md';
const [begin, end] = ['<!-- layers -->\n', '<!-- /layers -->\n'];
/** Percent of the library's lines. */
const largest = 16;
const width = 25;

const lines = new Map<string, number>();
for await (const file of glob('packages/tenantry/src/**/*.ts')) {
  const [, , , room = '', ...rest] = file.split('/');
  const name = rest.length === 0 ? '.' : room;
  lines.set(name, (lines.get(name) ?? 0) + (await readFile(file, 'utf8')).split('\n').length - 1);
}
const all = [...lines.values()].reduce((sum, each) => sum + each, 0);
const shareOf = (room: string) => Math.round((100 * (lines.get(room) ?? 0)) / all);

const text = await readFile(page, 'utf8');
const [before = '', rest = ''] = text.split(begin);
const [, after = ''] = rest.split(end);
const drawn = `${before}${begin}${picture()}${end}${after}`;
const halls = [...lines].filter(([, count]) => (100 * count) / all > largest);
for (const [room] of halls) console.error(`${room} holds ${shareOf(room)} % of the library's lines: take it apart.`);
if (process.argv.includes('--check')) {
  if (drawn !== text) console.error(`${page} shows other layers than the imports: npm run docs`);
  process.exitCode = drawn === text && halls.length === 0 ? 0 : 1;
} else {
  await writeFile(page, drawn);
}

/** From the top down, each room with its share of the lines. */
function picture(): string {
  const drawnRows = layers.toReversed().flatMap(({ rooms, holds }) => {
    const names = wrapped(
      rooms.map((room) => (room === '.' ? 'src' : room)),
      ', ',
      width - 2,
    );
    const words = wrapped(holds.split(' '), ' ', 100);
    const rows = Math.max(names.length, words.length);
    return Array.from({ length: rows }, (_, row) => `${(names[row] ?? '').padEnd(width)}${words[row] ?? ''}`.trimEnd());
  });
  return `\`\`\`\n${drawnRows.join('\n')}\n\`\`\`\n`;
}

function wrapped(words: readonly string[], between: string, most: number): string[] {
  const rows: string[] = [];
  for (const word of words) {
    const last = rows.at(-1);
    const longer = last === undefined ? word : `${last}${between}${word}`;
    if (last === undefined || longer.length > most) {
      if (last !== undefined) rows[rows.length - 1] = `${last}${between.trimEnd()}`;
      rows.push(word);
    } else rows[rows.length - 1] = longer;
  }
  return rows;
}
