import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { adopt } from './adopt.ts';
import { drift } from './drift.ts';
import { fleet } from './fleet.ts';
import { provision } from './provision.ts';
import { request } from './request.ts';
import { type BenchResult, machine } from './result.ts';
import { scale } from './scale.ts';
import { template } from './template.ts';
import { tenantFile } from './tenant-file.ts';

const benches = { request, scale, provision, template, fleet, drift, 'tenant-file': tenantFile, adopt };
const results = new URL('results/', import.meta.url);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.filter((name) => !(name in benches));
const rounds = Number(values.rounds);
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error(`usage: npm run bench -- [${Object.keys(benches).join('|')}] [--rounds N] [--quick] [--json]`);
  process.exit(2);
}

for (const name of names) {
  const about = machine();
  // Progress goes to stderr, so that --json leaves stdout to the result.
  const log = (line: string) => void process.stderr.write(`${name}: ${line}\n`);
  const result = await benches[name as keyof typeof benches]({
    rounds: values.quick ? Math.min(rounds, 2) : rounds,
    quick: values.quick,
    log,
  });
  const kept = { ...result, takenAt: new Date().toISOString(), quick: values.quick, machine: about };
  if (values.json) console.log(JSON.stringify(kept));
  else print(result);
  if (!values.quick) {
    await mkdir(results, { recursive: true });
    await writeFile(new URL(`${name}.json`, results), `${JSON.stringify(kept, null, 2)}\n`);
  }
}

function print({ question, ratios, figures }: BenchResult): void {
  console.log(`\n${question}`);
  console.table(
    ratios.map(({ name, value, target, better, rounds: each }) => ({
      ratio: value,
      target: target === 0 ? 'reported' : `${better} ${target}`,
      reached: target === 0 ? '' : (better === 'at least' ? value >= target : value <= target) ? 'yes' : 'no',
      'lowest–highest': `${Math.min(...each)}–${Math.max(...each)}`,
      of: name,
    })),
  );
  console.log(JSON.stringify(figures, null, 2));
}
