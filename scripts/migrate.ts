// npm run migrate: brings what the services ship to the database, one service after the other.
import { runMain } from '@tenantry/host';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { environmentFor, openDatabase } from './open-database.ts';
import { root, services } from './services.ts';
import { stopRequest } from './stop-request.ts';

await runMain(async () => {
  // Ctrl-C reaches the migrating child as well; this program waits for it and then stops the database.
  void stopRequest(() => process.exit(130));
  const database = await openDatabase();
  try {
    for (const { migrate } of services) {
      process.exitCode = await run(migrate, environmentFor(database));
      if (process.exitCode !== 0) return;
    }
  } finally {
    await database.stop();
  }
});

async function run(program: string, env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, [program], { cwd: root, env, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
