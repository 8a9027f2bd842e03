// npm run start:dev <service>: one service that restarts when a source changes.
import { prettyLine, runMain } from '@tenantry/host';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { environmentFor, openDatabase } from './open-database.ts';
import { root, type Service, services } from './services.ts';
import { stopRequest } from './stop-request.ts';

// By name: without it, the configuration that only checks types is the one that is found.
const watchBuild = ['--build', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'];
const [wanted] = process.argv.slice(2);
const service = services.find(({ name }) => name === wanted);

if (service === undefined) {
  const names = services.map(({ name }) => name).join(', ');
  console.error(
    `error: ${wanted === undefined ? 'Name the service to start' : `There is no service "${wanted}"`}; choose one of: ${names}.`,
  );
  process.exitCode = 2;
} else {
  await runMain(() => develop(service));
}

async function develop({ name, main }: Service): Promise<void> {
  const children: ChildProcess[] = [];
  const stopRequested = stopRequest(() => children.forEach((child) => child.kill('SIGKILL')));
  const database = await openDatabase((line) => console.log(line));
  try {
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    const compiler = start([tsc, ...watchBuild, ...(process.stdout.isTTY ? ['--pretty'] : [])], process.env);
    children.push(compiler);
    await firstBuild(compiler);
    console.log(`${name} starts, and again whenever a source changes; Ctrl-C stops it`);
    const server = start(['--watch', '--watch-preserve-output', main], environmentFor(database));
    children.push(server);
    printLines(server);
    await Promise.race([stopRequested, ...children.map((child) => once(child, 'exit'))]);
  } finally {
    await Promise.all(children.map(end));
    await database.stop();
  }
}

function start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

function printLines({ stdout }: ChildProcess): void {
  const pretty = prettyLine(process.stdout.isTTY);
  if (stdout !== null) createInterface({ input: stdout }).on('line', (line) => console.log(pretty(line)));
}

/** Resolves when the compiler ran once, with or without errors. Prints what it finds, and not that it found nothing. */
function firstBuild({ stdout }: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (stdout === null) return resolve();
    createInterface({ input: stdout }).on('line', (line) => {
      if (/Found \d+ errors?/.test(line)) resolve();
      if (line.trim() !== '' && !/Found 0 errors|Starting (incremental )?compilation|File change detected/.test(line))
        console.log(line);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await exited;
  clearTimeout(timer);
}
