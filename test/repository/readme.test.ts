import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const readme = await readFile(path.join(root, 'README.md'), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text = '']) => text);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tenantry-readme-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** What `npm start` runs after the build, on ports and data of its own. */
async function start(identity: number, inventory: number) {
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn('node', ['scripts/start.ts'], {
    cwd: root,
    env: {
      ...env,
      IDENTITY_PORT: `${identity}`,
      INVENTORY_PORT: `${inventory}`,
      TENANTRY_DATA_DIR: path.join(folder, 'data'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    said.push(line);
    if (/\bready\b/.test(line)) break;
  }
  const stop = async () => {
    child.stdout.resume();
    child.kill('SIGINT');
    await once(child, 'exit');
    return child.exitCode;
  };
  return { said: said.join('\n'), stop };
}

async function bash(script: string): Promise<string> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  return output;
}

it('keeps the promise of its first screen: two commands, then curl', { timeout: 120_000 }, async () => {
  const [command, walk = ''] = blocks('bash');
  expect(command).toBe('npm ci && npm start\n');
  const [identity, inventory] = [await freePort(), await freePort()];
  const here = walk
    .replaceAll('localhost:3000', `localhost:${identity}`)
    .replaceAll('localhost:3001', `localhost:${inventory}`);

  const first = await start(identity, inventory);
  expect(first.said).toContain(`${identity}`);
  const output = await bash(`${here}\nprintf '\\n%s' "$ID"`);
  const id = output.split('\n').at(-1);
  expect(output).toContain('"service":"inventory"');
  expect(output.match(/"name":"hammer"/g)).toHaveLength(2);
  expect(await first.stop()).toBe(0);

  const second = await start(identity, inventory);
  expect(await bash(`curl -s localhost:${inventory}/items -H 'x-client: ${id}'`)).toContain('"name":"hammer"');
  expect(await second.stop()).toBe(0);
});

it('shows a module that compiles', { timeout: 60_000 }, async () => {
  const [module = ''] = blocks('ts');
  const file = path.join(root, 'test/repository/readme-snippet.ts');
  const item = "import { Item } from '../../apps/inventory/src/items/item.entity.js';";
  const migration = "import { ItemMigration } from '../../apps/inventory/src/migrations/000001-item.js';";
  const library = "import { fromHeader, TenancyModule } from 'tenantry/nest';";
  await writeFile(
    file,
    `import { Module } from '@nestjs/common';\n${library}\n${item}\n${migration}\n${module}\n})\nexport class AppModule {}\n`,
  );
  try {
    const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [file] }, ts.sys, root);
    const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram([file], options));
    expect(diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  } finally {
    await rm(file);
  }
});

it('links only to files that exist', async () => {
  const targets = [...readme.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
  const missing = targets.filter((target) => !existsSync(path.join(root, target)));
  expect(missing).toEqual([]);
  // Otherwise no link was seen.
  expect(targets).toContain('ARCHITECTURE.md');
});
