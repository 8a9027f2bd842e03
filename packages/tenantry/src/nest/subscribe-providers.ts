import { type DiscoveryService, MetadataScanner, type Reflector } from '@nestjs/core';
import type { TenantEvent, TenantEventType } from '../lifecycle/events/tenant-event.js';
import type { TenantEvents } from '../lifecycle/events/tenant-events.js';
import { tenantEventKey } from './on-tenant-event.decorator.js';

type Methods = Record<string, (event: TenantEvent) => unknown>;

/** Subscribes every method that `@OnTenantEvent()` marks. Providers made per request have no instance that could be told. */
export async function subscribeProviders(
  discovery: DiscoveryService,
  reflector: Reflector,
  events: TenantEvents,
): Promise<void> {
  const scanner = new MetadataScanner();
  const begun: Promise<void>[] = [];
  const seen = new Set<unknown>();
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const instance: unknown = wrapper.isDependencyTreeStatic() ? wrapper.instance : undefined;
    if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
    seen.add(instance);
    const methods = instance as Methods;
    const prototype = Object.getPrototypeOf(instance) as object | null;
    for (const name of prototype === null ? [] : scanner.getAllMethodNames(prototype)) {
      const method = methods[name];
      if (typeof method !== 'function') continue;
      const type = reflector.get<TenantEventType | '*' | undefined>(tenantEventKey, method);
      if (type !== undefined) begun.push(events.on(type, (event) => method.call(instance, event)).ready);
    }
  }
  await Promise.all(begun);
}
