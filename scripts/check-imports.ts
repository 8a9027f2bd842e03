import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';
import { type Breach, breachOf, circlesOf } from './import-rules.ts';

/** Lists the imports that break a rule and the files that import each other; exit code 1 when there are any. */
const breaches: Breach[] = [];
const imports = new Map<string, string[]>();
for await (const file of glob(['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'])) {
  const { importedFiles } = ts.preProcessFile(await readFile(file, 'utf8'), true, true);
  const own: string[] = [];
  for (const { fileName } of importedFiles) {
    const imported = fileName.startsWith('.') ? path.posix.join(path.posix.dirname(file), fileName) : fileName;
    const breach = breachOf(file, imported);
    if (breach) breaches.push(breach);
    if (fileName.startsWith('.')) own.push(imported.replace(/\.js$/, '.ts'));
  }
  imports.set(file, own);
}
const circles = circlesOf(imports);
for (const { file, imported, rule } of breaches) console.error(`${file} imports ${imported}: ${rule}`);
for (const circle of circles) console.error(`These import each other: ${circle.join(' → ')}`);
console.log(`${imports.size} files, ${breaches.length} imports against the rules, ${circles.length} circles`);
process.exitCode = breaches.length + circles.length > 0 ? 1 : 0;
