/** One layer of the library: rooms that do not import each other. */
export interface Layer {
  readonly rooms: readonly string[];
  /** What is in them, for the picture in ARCHITECTURE.md. */
  readonly holds: string;
}

/** From the bottom up; a room may import from those below it, never from beside or above. `.` is what stands in `src` itself. */
export const layers: readonly Layer[] = [
  { rooms: ['errors'], holds: 'one error class, one table of codes' },
  { rooms: ['tenant'], holds: 'the words: ids, names, statuses. Pure' },
  { rooms: ['postgres', 'context'], holds: 'SQLSTATEs, quoting, locks, listening; the scope of this async execution' },
  {
    rooms: ['catalog', 'isolation', 'resolution', 'http'],
    holds: 'who the tenants are; the scope gate and the roles; request to tenant id; error to problem details',
  },
  { rooms: ['orms'], holds: 'data layers through the gate: mikro-orm' },
  { rooms: ['migrations'], holds: "write, lint, compile, register and apply a service's migrations" },
  { rooms: ['drift'], holds: 'compare a schema with what it should be, explain, repair' },
  { rooms: ['fleet'], holds: 'many tenants: select, plan, roll out' },
  {
    rooms: ['query', 'adopt', 'provision', 'doctor'],
    holds:
      "one select in many tenants; tenants out of shared tables; a tenant's schema, from a template or a replay; settings that weaken a promise",
  },
  { rooms: ['lifecycle'], holds: 'operations on a tenant, and its events' },
  { rooms: ['copies'], holds: 'export, import and clone a tenant' },
  { rooms: ['.'], holds: 'the handle that code uses; what lives as long as the process; its connections; options' },
  { rooms: ['nest', 'cli', 'testing'], holds: "glue for Nest; the commands; helpers for users' tests" },
];

/** Rooms inside a room, from the bottom up. What stands in the room itself is their common ground, and puts them together. */
export const inside: Readonly<Record<string, readonly string[]>> = {
  copies: ['rows', 'tenant-file'],
  doctor: ['checks'],
  drift: ['explain'],
  lifecycle: ['operations', 'events', 'tenants'],
  migrations: ['lint', 'authoring'],
  orms: ['mikro-orm'],
  provision: ['template'],
  testing: ['attempts'],
};

/** What an app may import of the library. */
export const entryPoints: readonly string[] = ['tenantry', 'tenantry/nest', 'tenantry/cli', 'tenantry/testing'];

/** One import that breaks a rule. */
export interface Breach {
  readonly file: string;
  readonly imported: string;
  readonly rule: string;
}

const library = 'packages/tenantry/src/';

/**
 * Checks one import. Pure.
 *
 * @param file - Path of the importing file, from the repository's root.
 * @param imported - The same for a relative import, as written for any other.
 */
export function breachOf(file: string, imported: string): Breach | undefined {
  const rule = file.startsWith(library) ? libraryRule(file, imported) : appRule(file, imported);
  return rule === undefined ? undefined : { file, imported, rule };
}

function libraryRule(file: string, imported: string): string | undefined {
  if (/^(?:apps|packages\/host|bench)\//.test(imported) || imported.startsWith('@tenantry/'))
    return 'the library imports no app';
  if (!imported.startsWith(library) || file === `${library}index.ts`) return undefined;
  const [from, to] = [folderOf(file), folderOf(imported)];
  if (from === to) return insideRule(from, file, imported);
  const [rankFrom, rankTo] = [rankOf(from), rankOf(to)];
  if (rankFrom < 0) return `the folder ${from} has no layer; add it to scripts/import-rules.ts`;
  return rankTo < rankFrom ? undefined : `${from} may not import ${to}: imports point downward only`;
}

function insideRule(room: string, file: string, imported: string): string | undefined {
  const [from, to] = [subFolderOf(file), subFolderOf(imported)];
  if (from === to) return undefined;
  const order = inside[room] ?? [];
  for (const folder of [from, to])
    if (folder !== undefined && !order.includes(folder))
      return `the folder ${room}/${folder} has no place; add it to scripts/import-rules.ts`;
  if (from === undefined || to === undefined || order.indexOf(to) < order.indexOf(from)) return undefined;
  return `${room}/${from} may not import ${room}/${to}: imports point downward only`;
}

function appRule(file: string, imported: string): string | undefined {
  if (!/^(?:apps|packages\/host)\//.test(file) || file.includes('/test/')) return undefined;
  if (imported.startsWith(library)) return 'apps import only the library’s entry points';
  if (/^tenantry(?:\/|$)/.test(imported) && !entryPoints.includes(imported))
    return 'apps import only the library’s entry points';
  const app = /^apps\/[^/]+\//.exec(file)?.[0];
  return imported.startsWith('apps/') && app && !imported.startsWith(app) ? 'apps do not import each other' : undefined;
}

function folderOf(path: string): string {
  const rest = path.slice(library.length);
  return rest.includes('/') ? (rest.split('/', 1)[0] ?? '.') : '.';
}

/** A room's folder in which a file is; `undefined` where it stands in the room itself. */
function subFolderOf(path: string): string | undefined {
  const folders = path.slice(library.length).split('/').slice(1, -1);
  return folders[0];
}

function rankOf(room: string): number {
  return layers.findIndex(({ rooms }) => rooms.includes(room));
}

/**
 * Files that import each other, each circle once, beginning with its first file by name. Pure.
 *
 * @param imports - What each file imports.
 */
export function circlesOf(imports: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const circles = new Map<string, readonly string[]>();
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) {
      const circle = way.slice(at);
      const first = circle.indexOf(circle.toSorted()[0] ?? '');
      const turned = [...circle.slice(first), ...circle.slice(0, first)];
      circles.set(turned.join(), turned);
      return;
    }
    if (done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return [...circles.values()];
}
