// npm start: the database and both services, until Ctrl-C.
import { prettyLine, type ResolvedDatabase, runMain } from '@tenantry/host';
import { styleText } from 'node:util';
import { environmentFor, openDatabase } from './open-database.ts';
import { readyBox } from './ready-box.ts';
import { type ServiceProcess, startServiceProcess } from './service-process.ts';
import { services } from './services.ts';
import { stopRequest } from './stop-request.ts';

const colours = ['cyan', 'magenta'] as const;
const pretty = prettyLine(process.stdout.isTTY);

await runMain(async () => {
  const running: ServiceProcess[] = [];
  const stopRequested = stopRequest(() => {
    process.exitCode = 130;
    for (const service of running) service.kill();
  });
  const database = await openDatabase((line) => console.log(line));
  try {
    await serve(database, running, stopRequested);
  } finally {
    await Promise.all(running.map((service) => service.stop()));
    await database.stop();
  }
});

async function serve(
  database: ResolvedDatabase,
  running: ServiceProcess[],
  stopRequested: Promise<void>,
): Promise<void> {
  const env = environmentFor(database);
  for (const [index, service] of services.entries()) {
    const prefix = styleText(colours[index % colours.length] ?? 'cyan', service.name.padEnd(10), {
      stream: process.stdout,
    });
    running.push(startServiceProcess(service, env, (line) => console.log(`${prefix} ${pretty(line)}`)));
  }
  const addresses = await Promise.race([Promise.all(running.map((service) => service.ready)), stopRequested]);
  if (addresses === undefined) return;
  console.log(readyBox(new Map(running.map(({ name }, index) => [name, addresses[index] ?? ''])), database));
  console.log('ready: Ctrl-C stops everything');
  await Promise.race([stopRequested, ...running.map((service) => service.lost)]);
  console.log('stopping');
}
