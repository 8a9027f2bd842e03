import { SingleBar } from 'cli-progress';
import type { CopyProgress, CopyWatch } from '../copies/rows/copy-progress.js';
import type { CliContext } from './cli-context.js';

/** Lines of a log come at most this often. */
const lineEveryMs = 2000;

const words = { verify: 'checking the file', rows: 'rows', check: 'keys and checksums', migrate: 'migrating' } as const;

/** Shows a copy while it runs: a progress bar on a terminal, lines in a log, nothing with `--json`. */
export async function followCopy<T>(context: CliContext, fn: (watch: CopyWatch) => Promise<T>): Promise<T> {
  const bar = context.terminal
    ? new SingleBar({ format: '{bar} {percentage}% {what}', hideCursor: true, fps: 8 })
    : undefined;
  let saidAt = performance.now();
  const onProgress = (progress: CopyProgress) => {
    const { done, total } = progress;
    const what = wordsFor(progress);
    if (bar) {
      if (bar.isActive) bar.setTotal(total);
      else bar.start(total, 0, { what });
      bar.update(done, { what });
    } else if (!context.json && performance.now() - saidAt > lineEveryMs) {
      saidAt = performance.now();
      context.note(`${Math.floor((done / Math.max(1, total)) * 100)} % ${what}`);
    }
  };
  try {
    return await fn({ signal: context.signal, onProgress });
  } finally {
    bar?.stop();
  }
}

function wordsFor({ phase, table, done }: CopyProgress): string {
  const size = phase === 'rows' ? `, ${megabytes(done)}` : '';
  return `${words[phase]}${table === undefined ? '' : ` ${table}`}${size}`;
}

/** `12.3 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
