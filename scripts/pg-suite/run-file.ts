import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Side } from './arena.ts';
import { type FileSetting, settingVariable } from './file-setting.ts';

/** What became of one test file. */
export interface Outcome {
  /** The first line that says why it failed; not set, it passed. */
  readonly failure: string | undefined;
  /** All that it wrote. */
  readonly output: string;
}

const preload = fileURLToPath(new URL('preload.ts', import.meta.url));
const limitMs = 45_000;

/** Runs one test file of the checkout in a process of its own, for at most 45 s. */
export async function runFile(checkout: string, file: string, side: Side): Promise<Outcome> {
  await side.clear();
  const setting: FileSetting = { checkout, ...(side.gate && { gate: side.gate }) };
  // Their pool's tests are written for Mocha; the others are programs that end well or do not.
  const program = file.startsWith('packages/pg-pool/') ? [path.join(checkout, 'node_modules/mocha/bin/mocha.js')] : [];
  const child = spawn(process.execPath, [...program, path.join(checkout, file)], {
    cwd: path.join(checkout, file.split('/').slice(0, 2).join('/')),
    env: {
      ...withoutPostgres(process.env),
      ...side.environment,
      [settingVariable]: JSON.stringify(setting),
      // So that processes which a test starts have it too.
      NODE_OPTIONS: `--require=${preload}`,
      PGTESTNOSSL: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limitMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const ended = late ? `not done after ${limitMs / 1000} s` : `ended with ${code ?? signal}`;
      resolve({ failure: code === 0 ? undefined : (reasonIn(output) ?? ended), output });
    });
  });
}

/** The first line that looks like an error's. Pure. */
function reasonIn(output: string): string | undefined {
  const lines = output.split('\n').map((line) => line.trim());
  const telling = lines.find((line) => /^(?:Uncaught )?\w*Error\b.*:|^Message: |did not complete/.test(line));
  return telling ?? lines.find((line) => /error/i.test(line));
}

function withoutPostgres(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('PG')));
}
