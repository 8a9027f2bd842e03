import type { CachedCatalog } from './catalog/cached-catalog.js';
import { channel, readNotification } from './catalog/notification.js';
import type { TenantEvents } from './lifecycle/events/tenant-events.js';
import { Listener } from './postgres/listener.js';
import type { TenantId } from './tenant/tenant-id.js';

/** Who in a process hears of what changed elsewhere. */
export interface Hearers {
  readonly catalog: CachedCatalog;
  readonly events: TenantEvents;
  /** Lets the reconciler look, where there is one. */
  wake(): void;
  /** The connection is lost: what changes is known later. */
  onLost(reason: string): void;
}

/** What a process does with each message that it hears. What they say: `catalog/notification.ts`. */
export function hearNotifications(url: string, { catalog, events, wake, onLost }: Hearers): Listener {
  return new Listener({ connectionString: url }, channel, {
    onMessage: (payload) => {
      const { subject, ids = [] } = readNotification(payload) ?? {};
      if (subject === 'tenant' || subject === 'schema') for (const id of ids) catalog.forget(id as TenantId);
      if (subject === 'event') events.told(ids);
      // A schema that was made or moved is what the reconciler works for.
      else if (subject !== 'schema') wake();
    },
    // Whatever was sent while nobody listened was missed.
    onConnected: () => {
      catalog.forget();
      events.catchUp();
      wake();
    },
    onLost,
  });
}
