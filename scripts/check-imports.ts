import { readFile } from 'node:fs/promises';
import { glob } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';
import { type Breach, breachOf } from './import-rules.ts';

/** Lists the imports below a folder that break a rule; exit code 1 when there is one. */
const breaches: Breach[] = [];
let files = 0;
for await (const file of glob(['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'])) {
  files++;
  const { importedFiles } = ts.preProcessFile(await readFile(file, 'utf8'), true, true);
  for (const { fileName } of importedFiles) {
    const imported = fileName.startsWith('.') ? path.posix.join(path.posix.dirname(file), fileName) : fileName;
    const breach = breachOf(file, imported);
    if (breach) breaches.push(breach);
  }
}
for (const { file, imported, rule } of breaches) console.error(`${file} imports ${imported}: ${rule}`);
console.log(`${files} files, ${breaches.length} imports against the rules`);
process.exitCode = breaches.length > 0 ? 1 : 0;
