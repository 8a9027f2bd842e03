import { type Finding, kept, same } from './finding.js';

type Options = readonly string[] | null;

/** Storage options, as `with (…)` gives them. Pure. */
export function explainOptions(noun: string, alter: string, expected: Options, actual: Options): readonly Finding[] {
  if (same(expected, actual)) return [];
  const words = `${noun} has ${actual === null ? 'no options' : `the options ${actual.join(', ')}`}; it should have ${expected?.join(', ') ?? 'none'}.`;
  return [kept(words, optionStatements(alter, expected, actual))];
}

/** Statements that turn some options into others. */
export function optionStatements(alter: string, expected: Options, actual: Options): string[] {
  const [should, is] = [expected ?? [], actual ?? []];
  const names = new Set(should.map(nameOf));
  const set = should.filter((option) => !is.includes(option));
  const reset = is.map(nameOf).filter((name) => !names.has(name));
  return [
    ...(reset.length > 0 ? [`${alter} reset (${reset.join(', ')})`] : []),
    ...(set.length > 0 ? [`${alter} set (${set.join(', ')})`] : []),
  ];
}

/** With the prefix that tells them from the table's own. */
export function ofToast(options: Options): Options {
  return options?.map((option) => `toast.${option}`) ?? null;
}

function nameOf(option: string): string {
  return option.split('=', 1)[0] ?? option;
}
