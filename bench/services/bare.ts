import fastify from 'fastify';
import pg from 'pg';
import { v7 } from 'uuid';

/** The second floor: Fastify and `pg`, the same SQL and the same bytes, and nothing else. */
const pool = new pg.Pool({
  connectionString: process.env['DATABASE_URL'],
  max: Number(process.env['POOL_SIZE']),
  idleTimeoutMillis: 300_000,
});
const app = fastify();

interface Row {
  id: string;
  name: string;
  created_at: Date;
  updated_at: Date;
}

const shown = ({ id, name, created_at: createdAt, updated_at: updatedAt }: Row) => ({ id, name, createdAt, updatedAt });

app.get<{ Querystring: { limit?: string } }>('/items', async ({ query }) => {
  const limit = Number(query.limit ?? 100);
  const { rows } = await pool.query<Row>('select * from plain.item order by id asc limit $1', [limit]);
  return rows.map(shown);
});

app.post<{ Body: { name: string } }>('/items', async ({ body }, reply) => {
  if (typeof body.name !== 'string' || body.name.length === 0 || body.name.length > 200) return reply.code(400).send();
  const now = new Date();
  const row = { id: v7(), name: body.name, created_at: now, updated_at: now };
  await pool.query('insert into plain.item (id, name, created_at, updated_at) values ($1, $2, $3, $4)', [
    row.id,
    row.name,
    now,
    now,
  ]);
  return reply.code(201).send(shown(row));
});

const url = await app.listen({ port: 0, host: '127.0.0.1' });
process.on('SIGTERM', () => process.exit(0));
process.send?.({ ready: { url } });
