import type { Querier } from '../postgres/querier.js';

/** Where the processes of a database tell each other what changed. The catalog's triggers (`packages/tenantry/sql`) write there too. */
export const channel = 'tenantry';

/**
 * What a message is about, which says what its ids are:
 *
 * - `tenant`: tenants that were made, changed, renamed or erased; of a rename both ids. Sent by a trigger.
 * - `schema`: tenants whose schema was made, moved to another head, or dropped. Sent by triggers, and by a rollout for its batches.
 * - `service`: a service whose newest migration is another one. Sent by a trigger.
 * - `event`: rows of `tenantry.event`. Sent by a trigger.
 * - `wanted`: a tenant that a process without the owner role cannot provision itself.
 */
export type Subject = (typeof subjects)[number];

const subjects = ['tenant', 'schema', 'service', 'event', 'wanted'] as const;

/** One message, as it is heard. Everybody may send one, also a tenant: its ids are texts, whatever they look like. */
export interface Notification {
  readonly subject: Subject;
  readonly ids: readonly string[];
}

/** A payload has less than 8,000 bytes, and a tenant's id at most 40. */
const idsPerMessage = 150;

/** Tells all processes that listen, in as few messages as there may be. */
export async function notify(sender: Querier, subject: Subject, ids: readonly string[]): Promise<void> {
  const messages: string[] = [];
  for (let at = 0; at < ids.length; at += idsPerMessage)
    messages.push(`${subject}:${ids.slice(at, at + idsPerMessage).join(',')}`);
  await sender.query('select pg_notify($1, m) from unnest($2::text[]) m', [channel, messages]);
}

/** What a payload says; `undefined` where it is none of ours, or of a newer version. Pure. */
export function readNotification(payload: string): Notification | undefined {
  const [first, ids = ''] = payload.split(':');
  const subject = subjects.find((known) => known === first);
  return subject && { subject, ids: ids.split(',') };
}
