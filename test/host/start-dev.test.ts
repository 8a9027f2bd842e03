import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { copyRepository } from './support/copied-repository.js';
import { newPlace, removePlace } from './support/place.js';
import { Program } from './support/program.js';

it('starts the service again when a source of it changes', { timeout: 120_000 }, async () => {
  const [place, copy] = [await newPlace(), await copyRepository()];
  const program = new Program('start-dev', place.env, ['identity'], copy.directory);
  try {
    await program.printed('identity answers at');
    const source = path.join(copy.directory, 'apps/identity/src/main.ts');
    const changed = `${await readFile(source, 'utf8')}\nconsole.log('the change is there');\n`;
    await writeFile(source, changed);
    await program.printed('the change is there');
    expect(await program.signal('SIGINT')).toMatchObject({ code: 0 });
  } finally {
    await program.signal('SIGTERM');
    await Promise.all([removePlace(place), copy.remove()]);
  }
});
