import type pg from 'pg';
import { sendFlight } from '../../postgres/flight.js';
import type { MadeSchema } from '../new-tenant.js';
import { type Hindrance, liftAll, readHindrances, restoreAll } from './hindrances.js';
import { pathOf, portableText } from './portable-text.js';
import { nameIn, type SequenceState, setSequences } from './read-tables.js';

/**
 * Makes a new schema ready for the original's rows: deletes those that its migrations inserted, and lifts triggers,
 * rules and keys that would change or refuse rows.
 */
export async function prepareForRows(client: pg.ClientBase, { schema, tables }: MadeSchema): Promise<Hindrance[]> {
  const hindrances = await readHindrances(client, schema);
  await client.query(portableText());
  await sendFlight(client, [
    ...liftAll(hindrances),
    ...tables.map(({ name }) => ({ text: `delete from only ${nameIn(schema, name)}` })),
  ]);
  return hindrances;
}

/** What a schema's original says of it besides its rows. */
export interface OriginalState {
  readonly states: readonly SequenceState[];
  readonly filledViews: readonly string[];
}

/** Puts keys, triggers and sequences in force again after the rows are there; a foreign key is checked by that. */
export async function finishRows(
  client: pg.ClientBase,
  { schema, tables, sharedSchemas }: MadeSchema,
  hindrances: readonly Hindrance[],
  { states, filledViews }: OriginalState,
): Promise<void> {
  await client.query("set local search_path to ''");
  await sendFlight(client, [
    // Without statistics the planner may check a foreign key with a look-up for each row.
    ...tables.map(({ name }) => ({ text: `analyze ${nameIn(schema, name)}` })),
    ...restoreAll(hindrances),
  ]);
  await setSequences(client, schema, states);
  await sendFlight(client, [
    { text: pathOf(schema, sharedSchemas) },
    ...filledViews.map((name) => ({ text: `refresh materialized view ${nameIn(schema, name)}` })),
  ]);
}
