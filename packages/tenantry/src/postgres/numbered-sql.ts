import { readdir, readFile } from 'node:fs/promises';

/** One numbered SQL file of the catalog. */
export interface NumberedSql {
  /** Its number, the catalog's version once it ran. */
  readonly version: number;
  readonly sql: string;
  /** A breaking file starts with the line `-- breaking`: a process that does not know it must not serve. */
  readonly breaking: boolean;
}

/** Reads `000001.sql`, `000002.sql`, … from a folder, in order. */
export async function readNumberedSql(folder: URL): Promise<NumberedSql[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{6}\.sql$/.test(name)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8');
      return { version: Number(name.slice(0, 6)), sql, breaking: sql.startsWith('-- breaking\n') };
    }),
  );
}
