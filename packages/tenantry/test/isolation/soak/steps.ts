/** What must not outlast its statement, or its transaction; each is tried through every channel. */
export const lastingStatements = {
  'set role': (other: string) => `set role ${other}`,
  'set session role': (other: string) => `set session role ${other}`,
  'set authorization': (other: string) => `set session authorization ${other}`,
  'set path': (other: string) => `set search_path to ${other}`,
  'set timezone': () => "set timezone to 'Asia/Tokyo'",
  'set local.leak': (other: string) => `set local.leak = '${other}'`,
  'set transaction.leak': (other: string) => `set transaction.leak = '${other}'`,
  set_config: (other: string) => `select set_config('role', '${other}', false)`,
  'reset all': () => 'reset all',
  'discard all': () => 'discard all',
  'deallocate all': () => 'deallocate all',
  listen: () => 'listen soak',
  load: () => "load 'auto_explain'",
  prepare: () => 'prepare held as select token from entry',
  hold: () => 'declare held cursor with hold for select token from entry',
  'advisory lock': (other: string) => `select pg_advisory_lock(hashtext('${other}') % 3)`,
  temporary: () => 'create temporary table entry (token text)',
  stacked: (other: string) => `select 1; set role ${other}`,
  'copy in': () => 'copy entry (token) from stdin',
  'copy out': () => 'copy entry to stdout',
  forgetful: () => 'select forgetful()',
  empty: () => '',
} as const;

/** What may change a transaction, and must not reach beyond it, nor beyond the next statement's own scope. */
export const troubles = [
  'role',
  'path',
  'become',
  'limits',
  'fail',
  'timeout',
  'query timeout',
  'cancel',
  'abort',
  'lock',
  'try lock',
  'cursor',
  'held cursor',
  'held statement',
  'procedure',
  'orphan',
  'nonsense',
  'commit',
  'rollback',
] as const;

/** What a checkout is left with. */
export const partings = [
  'kept',
  'destroyed',
  'released twice',
  'in a transaction',
  'in a failed transaction',
  'with a read in flight',
  'with a write in flight',
  'with a begin in flight',
  'with a commit in flight',
  'with a cursor open',
  'used afterwards',
] as const;

export const endings = ['commit', 'rollback', 'commit and chain', 'rollback and chain', 'none'] as const;
export const disturbances = ['kill', 'revoke', 'erase'] as const;

export type Lasting = keyof typeof lastingStatements;
export type Trouble = (typeof troubles)[number] | 'cross';
export type Parting = (typeof partings)[number];
export type Ending = (typeof endings)[number];

/** One statement or call; `how` is the channel that it goes through. */
export type Leaf =
  | { readonly kind: 'read' | 'write' | 'foreign read' | 'foreign write'; readonly how: number; readonly other: number }
  | { readonly kind: 'delete'; readonly how: number; readonly other: number }
  | { readonly kind: 'lasting'; readonly what: Lasting; readonly how: number; readonly other: number }
  | { readonly kind: 'trouble'; readonly what: Trouble; readonly how: number; readonly other: number }
  | { readonly kind: 'disturb'; readonly what: (typeof disturbances)[number]; readonly other: number }
  | { readonly kind: 'pause' };

/** Something that code of one tenant does. */
export type Step =
  | Leaf
  /** Takes a connection, and gives it back in some state. */
  | { readonly kind: 'client'; readonly steps: readonly Step[]; readonly parting: Parting }
  | {
      readonly kind: 'transaction';
      readonly begin: number;
      /** Which level is set after the begin, if any. */
      readonly mode: number;
      readonly awaited: boolean;
      readonly steps: readonly Step[];
      readonly end: Ending;
    }
  | { readonly kind: 'savepoint'; readonly steps: readonly Step[]; readonly undone: boolean }
  | { readonly kind: 'orm'; readonly steps: readonly Step[]; readonly level: number; readonly undone: boolean }
  | { readonly kind: 'kysely'; readonly steps: readonly Step[] }
  /** All sent before any was answered. */
  | { readonly kind: 'together'; readonly steps: readonly Leaf[] }
  | { readonly kind: 'inside'; readonly tenant: number; readonly steps: readonly Step[] }
  /** Another tenant's code is handed this one's connection. */
  | { readonly kind: 'stray'; readonly tenant: number; readonly steps: readonly Leaf[] };

/** One task: steps in one tenant's scope, one after the other. */
export interface Task {
  readonly tenant: number;
  readonly steps: readonly Step[];
}
