import { createInterface } from 'node:readline/promises';
import type { CliContext } from './cli-context.js';
import { UsageError } from './usage-error.js';

/** What is to be confirmed. */
export interface EraseQuestion {
  readonly id: string;
  readonly name: string;
  readonly now: boolean;
}

/**
 * Has the id typed a second time: with `--yes`, or by whoever sits at the terminal.
 *
 * @throws UsageError when it is another one, or nobody can be asked.
 */
export async function confirmErase(
  context: CliContext,
  { id, name, now }: EraseQuestion,
  yes: string | undefined,
): Promise<void> {
  const again = yes ?? (await ask(context, { id, name, now }));
  if (again !== id) throw new UsageError(`The two ids differ: "${again}" is not "${id}". Nothing was changed.`);
}

async function ask(context: CliContext, { id, name, now }: EraseQuestion): Promise<string> {
  if (!process.stdin.isTTY || context.json)
    throw new UsageError(`There is no terminal to ask on: confirm with --yes ${id}. Nothing was changed.`);
  const when = now ? 'erases all its data at once, for good' : 'stops serving it, and erases all its data later';
  context.note(`${id} is "${name}". This ${when}.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question('Type its id once more: ', { signal: context.signal })).trim();
  } catch {
    throw new UsageError('Nothing was typed, and nothing was changed.');
  } finally {
    terminal.close();
  }
}
