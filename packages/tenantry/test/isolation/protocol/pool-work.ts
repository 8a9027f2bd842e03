import type pg from 'pg';
import { runInScope } from '../../../src/context/current-scope.js';
import { ScopedPool } from '../../../src/isolation/scoped-pool.js';
import { scopeOf } from './hand.js';
import type { ScriptedServer } from './scripted-server.js';
import { settled } from './settled.js';
import { marked } from './statement-model.js';

/** What goes through the pool itself: a statement of tenant a, and from its scope a report's select in tenant b. */
export async function runPoolWork(server: ScriptedServer, pool: pg.Pool): Promise<void> {
  await expectAnswer(server, 'a', async (text) => {
    const { rows } = await pool.query<{ value: string }>(text);
    return rows.map(({ value }) => value);
  });
  if (!(pool instanceof ScopedPool)) return;
  await expectAnswer(server, 'b', async (text) => {
    const { rows } = await pool.readOnly({ scope: scopeOf('b'), text, rowsMax: 5 });
    return rows.map(([value]) => value ?? '');
  });
}

async function expectAnswer(
  server: ScriptedServer,
  tenant: string,
  ask: (text: string) => Promise<string[]>,
): Promise<void> {
  const id = server.name(tenant);
  const undisturbed = server.disturbed || server.calm;
  const answer = runInScope(scopeOf('a'), () => ask(marked(tenant, id, `select '${id}' as value`))).catch(
    (error: Error) => error,
  );
  if (!(await settled(server, answer))) return void server.violations.push(`${id} through the pool never settles`);
  const found = await answer;
  if (found instanceof Error) {
    if (undisturbed && !server.revoked) server.violations.push(`${id} through the pool failed: ${found.message}`);
  } else if (found.join() !== id) server.violations.push(`${id} through the pool was answered ${found.join()}`);
}
