import { type Source, textChannels } from './channels.js';
import type { Answer, History, Intent, Kind } from './history.js';
import { readChannels } from './read-channels.js';
import type { World } from './world.js';
import { writeChannels } from './write-channels.js';

/** What one task has and knows while it runs. */
export interface TaskRun {
  readonly world: World;
  readonly history: History;
  readonly task: number;
  readonly tenant: string;
  /** Rows of the tenant that the task has written or read. */
  readonly known: string[];
  /** What the task did not wait for. */
  readonly stragglers: Promise<unknown>[];
  /** Whether a step is left out. */
  readonly skips: (step: string) => boolean;
}

/** One connection, or what stands for one, as one task uses it. */
export interface Line {
  readonly id: number;
  readonly source: Source;
  /** After its connection was given back. */
  readonly late?: boolean;
}

export type Details = Omit<Partial<Intent>, 'kind' | 'what'>;

/** Does something on a line and writes it down. */
export function onLine(
  { history, task, tenant }: TaskRun,
  line: Line,
  [kind, what]: readonly [Kind, string],
  act: () => Promise<Answer | void>,
  details: Details = {},
): Promise<Answer> {
  const late = line.late ? { late: true } : {};
  return history.record({ task, tenant, line: line.id, kind, what, ...late, ...details }, act);
}

/** Sends a text on a line, by its plainest way, and writes it down. */
export function sendOn(run: TaskRun, line: Line, kind: Kind, text: string, details: Details = {}): Promise<Answer> {
  const [send] = Object.values(textChannels(line.source));
  const act = async () => {
    const sent = await send?.(text);
    return sent?.tag === undefined ? {} : { tag: sent.tag };
  };
  return onLine(run, line, [kind, text], act, details);
}

/** Reads the tenant's rows, or another's. */
export async function readOn(run: TaskRun, line: Line, how: number, table?: string): Promise<void> {
  const channels = (table === undefined ? readChannels(line.source) : textReads(line)).filter(usable(run));
  const channel = channels[how % channels.length];
  if (!channel) return;
  const what = `read ${table ?? ''} by ${channel.name}`;
  const asked = run.history.nextId;
  const details = channel.partial ? { partial: true } : {};
  const { tokens = [] } = await onLine(run, line, ['read', what], () => channel.read(asked, table), details);
  run.known.splice(0, Math.max(0, run.known.length - 20));
  run.known.push(...tokens.slice(0, 5));
}

function usable({ skips }: TaskRun): (channel: { readonly name: string }) => boolean {
  return ({ name }) => !skips(`by:${name}`);
}

/** Another tenant's table can be named in texts only. */
function textReads(line: Line) {
  const names = new Set(Object.keys(textChannels(line.source)));
  return readChannels(line.source).filter(({ name }) => names.has(name));
}

/** Writes rows with tokens that nobody else has. */
export async function writeOn(run: TaskRun, line: Line, how: number): Promise<void> {
  const channels = writeChannels(line.source).filter(usable(run));
  const channel = channels[how % channels.length];
  if (!channel) return;
  const asked = run.history.nextId;
  const tokens = Array.from({ length: channel.rows }, (_, row) => `${run.tenant}/${asked}/${row}`);
  await onLine(run, line, ['write', `write by ${channel.name}`], () => channel.write(asked, tokens), { tokens });
  run.known.push(...tokens);
}

/** One of the ways to send a text on a line. */
export function channelAt(run: TaskRun, line: Line, how: number) {
  const channels = Object.entries(textChannels(line.source)).filter(([name]) => usable(run)({ name }));
  return channels[how % channels.length] ?? ['none', async () => ({ rows: [] })];
}

/** A tenant that is not the task's own. */
export function tenantAt({ world, tenant }: TaskRun, index: number): string {
  const others = world.tenants.filter((each) => each !== tenant);
  return others[index % others.length] ?? tenant;
}
