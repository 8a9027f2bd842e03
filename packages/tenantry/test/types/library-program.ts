import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import manifest from '../../package.json' with { type: 'json' };

/** The folder of the package. */
export const folder = fileURLToPath(new URL('../../', import.meta.url));

/** What a user can import, by its name: the source and the published types. */
export const entries = Object.entries(manifest.exports).flatMap(([name, entry]) =>
  typeof entry === 'string'
    ? []
    : [
        {
          name: name.replace('.', 'tenantry'),
          source: `${folder}${entry['tenantry-source']}`,
          types: `${folder}${entry.types}`,
        },
      ],
);

/** The names of packages that come along with this one. */
export const dependencies = Object.keys(manifest.dependencies);

/** Compiles the library as `npm run build` does. */
export function libraryProgram(): ts.Program {
  const { config } = ts.readConfigFile(`${folder}tsconfig.json`, ts.sys.readFile) as { config: unknown };
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
  const emit = {
    composite: false,
    incremental: false,
    tsBuildInfoFile: undefined,
    emitDeclarationOnly: true,
    sourceMap: false,
  };
  return ts.createProgram(fileNames, { ...options, ...emit });
}
