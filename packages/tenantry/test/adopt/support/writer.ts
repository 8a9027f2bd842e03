// The application that goes on while its tables are adopted: `node writer.ts <url> <tenants> <writes per second>`. It says what was
// committed, one JSON document a line, and ends when the shared tables take no more changes.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const [url = '', tenants = '1', perSecond = '200'] = process.argv.slice(2);
const count = Number(tenants);
const clients = Array.from({ length: 4 }, () => new pg.Client({ connectionString: url, application_name: 'writer' }));
await Promise.all(clients.map((client) => client.connect()));

let [closed, written] = [false, 0];
const started = performance.now();
const any = (most: number) => 1 + Math.floor(Math.random() * most);
const say = (document: object) => void process.stdout.write(`${JSON.stringify(document)}\n`);

async function write(client: pg.Client): Promise<void> {
  const key = `w${written++}`;
  const tenant = any(count);
  const { rows } = await client.query<{ id: number }>(
    `insert into public."Order" (client_id, slug, total) values ($1, $2, 1) returning id`,
    [tenant, key],
  );
  const id = rows[0]?.id;
  say({ inserted: key, tenant });
  await client.query(`insert into public."li""ne" values ($1, 1, 'w', 1)`, [id]);
  if (written % 5 === 0)
    await client.query('update public."Order" set total = total + 1 where client_id = $1 and id % 10 = 0', [
      any(count),
    ]);
  if (written % 7 === 0) {
    await client.query('delete from public."Order" where id = $1', [id]);
    say({ deleted: key });
  }
  if (written % 11 === 0) {
    const to = any(count);
    const moved = await client.query('update public."Order" set client_id = $2 where id = $1', [id, to]);
    if (moved.rowCount === 1) say({ inserted: key, tenant: to });
  }
  if (written % 150 === 0) await client.query('insert into public.client (title) values ($1)', [key]);
}

async function work(client: pg.Client): Promise<void> {
  while (!closed) {
    const due = started + (written / Number(perSecond)) * 1000;
    await sleep(Math.max(0, due - performance.now()));
    const begun = performance.now();
    await write(client).catch((error: Error) => {
      if (!error.message.includes('live in tenant schemas now')) throw error;
      closed = true;
    });
    say({ tookMs: Math.round(performance.now() - begun) });
  }
}

await Promise.all(clients.map(work));
await Promise.all(clients.map((client) => client.end()));
say({ ended: true, written });
