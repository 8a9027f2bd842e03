import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { MutantResult } from '@stryker-mutator/api/core';
import ts from 'typescript';

/** One small mistake that no test noticed. */
export interface Survivor {
  readonly mistake: string;
  readonly line: number;
  /** No test of the room runs that line. */
  readonly reached: boolean;
}

/** What became of all mistakes of one file. */
export interface MeasuredFile {
  /** Of the text that was measured: a file that has changed since is not counted. */
  readonly hash: string;
  readonly noticed: number;
  readonly survivors: readonly Survivor[];
}

/** Names what a file does: another comment or another type is no other file. */
export function hashOf(text: string): string {
  const code = ts.transpile(text, {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    removeComments: true,
  });
  return createHash('sha256').update(code).digest('hex').slice(0, 16);
}

/** Sums up what became of a file's mistakes; those that do not compile or cannot run make no difference to anybody. */
export async function measuredFile(file: string, mutants: readonly MutantResult[]): Promise<MeasuredFile> {
  const text = await readFile(file, 'utf8');
  const lines = text.split('\n');
  const survivors = mutants
    .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
    .map((mutant) => ({
      mistake: describe(mutant, lines),
      line: mutant.location.start.line,
      reached: mutant.status === 'Survived',
    }));
  const noticed = mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout').length;
  return { hash: hashOf(text), noticed, survivors: survivors.toSorted((a, b) => a.line - b.line) };
}

/** The same mistake has the same words after lines were added above it. */
function describe(
  { location: { start, end }, replacement, mutatorName }: MutantResult,
  lines: readonly string[],
): string {
  const last = start.line === end.line ? end.column - 1 : undefined;
  const first = (lines[start.line - 1] ?? '').slice(start.column - 1, last);
  const rest = lines.slice(start.line, end.line - 1);
  const tail = start.line === end.line ? [] : [(lines[end.line - 1] ?? '').slice(0, end.column - 1)];
  const was = shortened([first, ...rest, ...tail].join(' '));
  return `${mutatorName}: ${was} → ${shortened(replacement)}`;
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 90 ? `${line.slice(0, 60)} … ${line.slice(-25)}` : line;
}
