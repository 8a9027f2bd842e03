import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A place of its own for one start: a data directory and ports that nobody else uses. */
export interface Place {
  readonly env: Record<string, string>;
  readonly dataDir: string;
  readonly identity: string;
  readonly inventory: string;
}

export async function newPlace(): Promise<Place> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenantry-start-test-'));
  await chmod(directory, 0o711);
  const dataDir = path.join(directory, 'data');
  const [identityPort, inventoryPort] = await freePorts();
  return {
    dataDir,
    env: { TENANTRY_DATA_DIR: dataDir, IDENTITY_PORT: String(identityPort), INVENTORY_PORT: String(inventoryPort) },
    identity: `http://127.0.0.1:${identityPort}`,
    inventory: `http://127.0.0.1:${inventoryPort}`,
  };
}

export async function removePlace({ dataDir }: Place): Promise<void> {
  await rm(path.dirname(dataDir), { recursive: true, force: true, maxRetries: 5 });
}

/** The process of the embedded PostgreSQL, while it runs. */
export async function serverPid({ dataDir }: Place): Promise<number | undefined> {
  const text = await readFile(path.join(dataDir, 'pg/postmaster.pid'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

// Both at once, so that they differ.
async function freePorts(): Promise<number[]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address !== null) ports.push(address.port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}
