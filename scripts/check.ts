import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Everything that needs no database, beside each other; each part's output comes in one piece. Exit code 1 when one fails.
 *
 * The linter reads the types of the packages from what was built, and benchmarks import it: both wait for the build.
 */
const failed: string[] = [];

async function run(script: string): Promise<void> {
  const begun = performance.now();
  const child = spawn('npm', ['run', '--silent', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`== ${script}: ${code === 0 ? 'ok' : 'failed'} (${seconds} s)\n${code === 0 ? '' : output}`.trimEnd());
  if (code !== 0) failed.push(script);
}

await Promise.all([
  run('build').then(() => Promise.all([run('lint'), run('types')])),
  run('format:check').then(() => run('docs:check')),
]);
if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;
