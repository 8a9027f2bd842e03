import { type Command, Option } from 'commander';
import type { Tenants } from '../lifecycle/tenants/tenants.js';
import { Tenancy } from '../tenancy.js';
import { type TenantStatus, tenantStatuses } from '../tenant/tenant.js';
import type { CliContext } from './cli-context.js';
import { confirmErase } from './confirm-erase.js';
import { followOperation } from './follow-operation.js';
import type { Register } from './register.js';
import { printTenant, tenantTable } from './tenant-lines.js';
import { UsageError } from './usage-error.js';

/** Says what a command does with its flags and arguments. */
type Add = (command: Command, act: (flags: never, ids: string[]) => Act) => void;

type Act = (tenants: Tenants, context: CliContext) => Promise<void>;

/** `tenantry tenant create|list|show|suspend|resume|archive|restore|rename|erase`. */
export const register: Register = (program, run) => {
  const tenant = program.command('tenant').description("a tenant's life: from sign-up to the last trace");
  const add: Add = (command, act) => {
    command.action((...given: unknown[]) => {
      const ids = given.slice(0, -2) as string[];
      const [flags] = given.slice(-2) as [never];
      return run(command, (context) => withTenants(context, act(flags, ids)));
    });
  };
  addLooks(tenant, add);
  addSwitches(tenant, add);
  addChanges(tenant, add);
};

function addLooks(tenant: Command, add: Add): void {
  add(
    tenant
      .command('create <id>')
      .description('make a tenant; its schemas follow')
      .option('--name <text>', 'for people (default: the id)'),
    ({ name }: { name?: string }, [id = '']) =>
      async (tenants, context) =>
        shown(context, tenants, (await tenants.create({ id, name: name ?? id })).id, 'created'),
  );
  add(
    tenant
      .command('list')
      .description('tenants of every status, in the order of their ids')
      .addOption(new Option('--status <status>', 'only these').choices(tenantStatuses))
      .option('--after <id>', 'only those after this id')
      .option('--limit <n>', 'how many at most, up to 1000', '100'),
    ({ status, after, limit }: { status?: TenantStatus; after?: string; limit: string }) =>
      async (tenants, context) => {
        const page = await tenants.list({ status, after, limit: count('--limit', limit, 1000) });
        if (context.json) context.out(JSON.stringify(page));
        else for (const line of tenantTable(page)) context.out(line);
      },
  );
  add(
    tenant.command('show <id>').description('show one tenant: its schemas, its operations, its events'),
    (_, [id = '']) =>
      async (tenants, context) => {
        const details = await tenants.show(id);
        if (context.json) context.out(JSON.stringify(details));
        else for (const line of printTenant(details)) context.out(line);
      },
  );
}

function addSwitches(tenant: Command, add: Add): void {
  add(
    tenant
      .command('suspend <id>')
      .description('stop serving a tenant (403), everywhere within a second; its data stays'),
    (_, [id = '']) =>
      async (tenants, context) =>
        shown(context, tenants, (await tenants.suspend(id)).id, 'suspended'),
  );
  add(
    tenant.command('resume <id>').description('serve a suspended tenant again'),
    (_, [id = '']) =>
      async (tenants, context) =>
        shown(context, tenants, (await tenants.resume(id)).id, 'active'),
  );
  add(
    tenant
      .command('archive <id>')
      .description('put a tenant away: 403, and PostgreSQL refuses its role to the login that serves; its data stays'),
    (_, [id = '']) =>
      async (tenants, context) => {
        const { id: done, status } = await tenants.archive(id, followOperation(context));
        await ended(context, tenants, done, status === 'archived', 'archived');
      },
  );
  add(
    tenant
      .command('restore <id>')
      .description('serve an archived tenant again, at head; also one that waits to be erased'),
    (_, [id = '']) =>
      async (tenants, context) => {
        const { id: done, status } = await tenants.restore(id, followOperation(context));
        await ended(context, tenants, done, status === 'active', 'active');
      },
  );
}

function addChanges(tenant: Command, add: Add): void {
  add(
    tenant
      .command('rename <id>')
      .description('give a tenant another name, or another id with its schemas, roles and rows')
      .option('--name <text>', 'the new name, for people')
      .option('--to <id>', 'the new id; the former one is unknown from then on'),
    ({ name, to }: { name?: string; to?: string }, [id = '']) =>
      async (tenants, context) => {
        if (name === undefined && to === undefined) throw new UsageError('Say what changes: --name, --to, or both.');
        const renamed = await tenants.rename(id, { name, to }, followOperation(context));
        const done = to === undefined || renamed.id === to;
        await ended(context, tenants, renamed.id, done, to === undefined ? 'renamed' : `renamed, it was ${id}`);
      },
  );
  add(
    tenant
      .command('erase [id]')
      .description('delete it now (404), and erase it with all its data when the grace period is over')
      .option('--yes <id>', 'the id once more, instead of typing it')
      .option('--grace <days>', 'days for which `tenantry tenant restore` can still undo it (default: 30)')
      .option('--now', 'erase at once; nothing can undo it')
      .option('--due', 'erase every tenant whose grace period is over'),
    (flags: EraseFlags, [id]) =>
      (tenants, context) =>
        erase(tenants, context, flags, id),
  );
}

interface EraseFlags {
  readonly yes?: string;
  readonly grace?: string;
  readonly now?: boolean;
  readonly due?: boolean;
}

async function erase(
  tenants: Tenants,
  context: CliContext,
  { yes, grace, now = false, due = false }: EraseFlags,
  id: string | undefined,
): Promise<void> {
  if (due) {
    if (id !== undefined) throw new UsageError('Give an id or --due, not both.');
    return eraseDue(tenants, context);
  }
  if (id === undefined) throw new UsageError('Give the id of the tenant to erase, or --due.');
  if (now && grace !== undefined) throw new UsageError('Give --grace or --now, not both.');
  const graceDays = grace === undefined ? undefined : count('--grace', grace, 3650, 0);
  const { name } = await tenants.show(id);
  await confirmErase(context, { id, name, now }, yes);
  const erasure = await tenants.erase(id, { graceDays, now, ...followOperation(context) });
  if (erasure.outcome === 'scheduled') {
    const { eraseAfter } = erasure.tenant;
    if (context.json) context.out(JSON.stringify(erasure));
    else {
      context.out(`${id}: deleted; it is erased after ${eraseAfter?.toISOString() ?? 'now'}`);
      context.out(`${id}: until then, tenantry tenant restore ${id} undoes it`);
    }
    return;
  }
  if (erasure.outcome === 'interrupted') context.exitCode = 1;
  if (context.json) context.out(JSON.stringify(erasure));
  else context.out(erasure.outcome === 'erased' ? `${id}: erased` : interrupted(id));
}

async function eraseDue(tenants: Tenants, context: CliContext): Promise<void> {
  const results = await tenants.eraseDue(followOperation(context));
  const plain = results.map(({ tenant, error }) => ({
    tenant,
    erased: error === undefined,
    ...(error && { code: error.code, reason: error.operatorMessage }),
  }));
  if (context.json) context.out(JSON.stringify(plain));
  else if (plain.length === 0) context.out('No tenant is due.');
  else for (const { tenant, reason } of plain) context.out(`${tenant}: ${reason ?? 'erased'}`);
  if (plain.some(({ erased }) => !erased)) context.exitCode = 1;
}

/** The tenant as it is now: for machines all of it, for people one line. */
async function shown(context: CliContext, tenants: Tenants, id: string, what: string): Promise<void> {
  if (context.json) context.out(JSON.stringify(await tenants.show(id)));
  else context.out(`${id}: ${what}`);
}

async function ended(context: CliContext, tenants: Tenants, id: string, done: boolean, what: string): Promise<void> {
  if (!done) context.exitCode = 1;
  await shown(context, tenants, id, done ? what : interrupted(id).slice(id.length + 2));
}

function interrupted(id: string): string {
  return `${id}: stopped before the end; the same command goes on`;
}

/** A process that serves nobody and reconciles nothing. */
function withTenants(context: CliContext, act: Act): Promise<void> {
  return context.withDatabase(async ({ url, ownerUrl, config }) => {
    const tenancy = await Tenancy.start({
      url,
      ownerUrl,
      isolation: config.isolation,
      listenUrl: false,
      reconcile: { automatic: false },
    });
    try {
      await act(tenancy.tenants, context);
      await context.flushed();
    } finally {
      await tenancy.stop();
    }
  });
}

function count(option: string, text: string, most: number, least = 1): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a number from ${least} to ${most}.`);
}
