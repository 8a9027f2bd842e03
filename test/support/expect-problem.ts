import type pg from 'pg';
import { expect } from 'vitest';

/** What must not reach a caller: SQL, names of schemas, roles and tables, stacks. */
const internals =
  /\b(select|insert|update|delete from|set_config|syntax error|relation|schema|role)\b|_inventory|tenantry[._]|permission denied|node_modules|\.[jt]s:\d|\n\s+at /i;

/** An answer of {@link send} or {@link sendRaw}. */
interface AnyAnswer {
  readonly status: number;
  readonly headers: Headers | Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Expects problem details with a stable code and one helpful sentence, which tell nothing about the inside; answers the code. */
export function expectProblem(answer: AnyAnswer): string {
  const { status, headers } = answer;
  const type = headers instanceof Headers ? headers.get('content-type') : headers['content-type'];
  expect(type).toBe('application/problem+json; charset=utf-8');
  const body = (typeof answer.body === 'string' ? JSON.parse(answer.body) : answer.body) as Record<string, unknown>;
  const { errors, ...rest } = body;
  expect(rest).toEqual({
    type: expect.stringMatching(/^(about:blank|urn:tenantry:error:TENANCY_[A-Z_]+)$/),
    title: expect.stringMatching(/\S/),
    status,
    detail: expect.stringMatching(/^[A-Z].{10,}\.$/),
    code: expect.stringMatching(/^(HTTP|TENANCY)_[A-Z_]+$/),
  });
  expect(rest['detail']).not.toMatch(/[.!?]\s/);
  expect(JSON.stringify(rest)).not.toMatch(internals);
  if (errors !== undefined) {
    expect(errors).toEqual(expect.arrayContaining([expect.any(String)]));
    expect(JSON.stringify(errors).length).toBeLessThan(5000);
  }
  return rest['code'] as string;
}

/** Expects {@link expectProblem} with a status of 4xx. */
export function expectRefused(answer: AnyAnswer): string {
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  return expectProblem(answer);
}

/** All rows that requests could change, and all schemas and relations there are. */
export async function contentsOf(admin: Pick<pg.Pool, 'query'>): Promise<unknown> {
  const { rows: tables } = await admin.query<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
      where relkind in ('r', 'p') and nspname !~ '^pg_|^information_schema$' order by 1`,
  );
  const contents: Record<string, unknown> = {};
  for (const { name } of tables) {
    const { rows } = await admin.query<{ row: string }>(`select t::text as row from ${name} t order by 1`);
    contents[name] = rows.map(({ row }) => row);
  }
  const { rows: schemas } = await admin.query('select nspname from pg_namespace order by 1');
  return { schemas, contents };
}
