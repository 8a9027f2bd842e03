import type { CachedCatalog } from './catalog/cached-catalog.js';
import { channel, readNotification } from './catalog/notification.js';
import type { TenantEvents } from './lifecycle/events/tenant-events.js';
import { Listener } from './postgres/listener.js';
import type { TenantId } from './tenant/tenant-id.js';

/** Who in a process hears of what changed elsewhere. */
export interface Hearers {
  readonly catalog: CachedCatalog;
  readonly events: TenantEvents;
  /** Wakes the reconciler, where this process has one. */
  wake(): void;
  /** Called when the connection is lost: until it is back, changes are noticed late. */
  onLost(reason: string): void;
}

/** What a process does with each message that it hears. What they say: `catalog/notification.ts`. */
export function hearNotifications(url: string, { catalog, events, wake, onLost }: Hearers): Listener {
  return new Listener({ connectionString: url }, channel, {
    onMessage: (payload) => {
      const { subject, ids = [] } = readNotification(payload) ?? {};
      if (subject === 'tenant' || subject === 'schema') for (const id of ids) catalog.forget(id as TenantId);
      if (subject === 'event') events.told(ids);
      // News of a schema is the reconciler's own doing, so it does not wake it.
      else if (subject !== 'schema') wake();
    },
    // Messages that were sent while nobody listened are lost, so everything is looked at again.
    onConnected: () => {
      catalog.forget();
      events.catchUp();
      wake();
    },
    onLost,
  });
}
