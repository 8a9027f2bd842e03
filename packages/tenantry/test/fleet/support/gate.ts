import type pg from 'pg';
import { until } from '../../../../../test/support/until.js';

/** A gate in the middle of a migration: whoever runs {@link atGate} waits there while it is shut. */
export interface Gate {
  /** For one tenant's schema, or for all. */
  shut(schema?: string): Promise<void>;
  open(): Promise<void>;
  /** Waits until so many migrations stand at it. */
  reached(count?: number): Promise<void>;
}

/** A statement for a migration. */
export const atGate = '-- tenantry-allow qualified-name: a gate is for all tenants\nselect public.wait_at_gate()';

/** Makes one, open. No lock is waited for, so that no `lock_timeout` is in play. */
export async function makeGate(admin: pg.Pool): Promise<Gate> {
  await admin.query('create table public.gate (schema text)');
  await admin.query(
    `create function public.wait_at_gate() returns void language plpgsql as $$
     begin while exists (select from public.gate where schema is null or schema = current_schema())
       loop perform pg_sleep(0.01); end loop; end $$`,
  );
  return {
    shut: async (schema) => void (await admin.query('insert into public.gate values ($1)', [schema])),
    open: async () => void (await admin.query('delete from public.gate')),
    reached: (count = 1) =>
      until('migrations stand at the gate', async () => {
        const { rows } = await admin.query(
          "select from pg_stat_activity where datname = current_database() and query = $1 and state = 'active'",
          [atGate],
        );
        return rows.length >= count;
      }),
  };
}
