import { type RunningService, type ServiceOptions, startService } from '@tenantry/host';
import type { TenancyOptions } from 'tenantry';
import { IdentityModule } from '../../apps/identity/src/identity.module.js';
import { InventoryModule } from '../../apps/inventory/src/inventory.module.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { type Reach, reachInMode } from './reach.js';

/** An answer, with its body parsed when it is JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** What a request carries. */
export interface Request {
  /** For the header x-client. */
  readonly client?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Services over real HTTP, on a database of their own. */
export interface Services {
  readonly database: TestDatabase;
  /** How its services reach the database. */
  readonly reach: Reach['options'];
  /** Starts one more process of identity; `options` as a developer's `.env` would say them. */
  startIdentity(options?: Partial<TenancyOptions>): Promise<RunningService>;
  startInventory(options?: Partial<TenancyOptions>): Promise<RunningService>;
  /** Starts any other module the way the services start. */
  start(name: string, module: ServiceOptions['module']): Promise<RunningService>;
  /** URL of the role that only serves, once a service was started. */
  serviceUrl(): Promise<string>;
  close(): Promise<void>;
}

/** Makes a database to start services on. Close it in `afterAll`. */
export async function openServices(): Promise<Services> {
  const database = await createTestDatabase();
  const reach = await reachInMode(database);
  const running: RunningService[] = [];
  const start = async (name: string, module: ServiceOptions['module']) => {
    const openApi = { title: name, description: name };
    const service = await startService({ name, port: 0, module, openApi, logLevel: 'silent' });
    running.push(service);
    return service;
  };
  const withReach = (options: Partial<TenancyOptions> = {}) =>
    options.url === undefined ? { ...reach.options, ...options } : { ...options, url: options.url };
  return {
    database,
    reach: reach.options,
    start,
    startIdentity: (options) => start('identity', IdentityModule.forRoot(withReach(options))),
    startInventory: (options) => start('inventory', InventoryModule.forRoot(withReach(options))),
    async serviceUrl() {
      const { rows } = await database.admin.query<{ role_name: string; password: string }>(
        'select * from tenantry.service_login',
      );
      const url = new URL(database.url);
      url.username = rows[0]?.role_name ?? '';
      url.password = rows[0]?.password ?? '';
      return url.href;
    },
    async close() {
      await Promise.all(running.map((service) => service.stop()));
      await reach.close();
      await database.drop();
    },
  };
}

/** Sends one request. */
export async function send(
  service: { url: string },
  method: string,
  path: string,
  request: Request = {},
): Promise<Answer> {
  const { client, body, headers } = request;
  const response = await fetch(new URL(path, service.url), {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(client !== undefined && { 'x-client': client }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** A user as identity answers it. */
export interface UserBody {
  readonly id: string;
  readonly fullName: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An item as inventory answers it. */
export interface ItemBody {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Makes a user over HTTP, and so a tenant. */
export async function signUp(identity: { url: string }, fullName: string): Promise<UserBody> {
  const { status, body } = await send(identity, 'POST', '/users', { body: { fullName } });
  if (status !== 201) throw new Error(`POST /users answered ${status}: ${JSON.stringify(body)}`);
  return body as UserBody;
}
