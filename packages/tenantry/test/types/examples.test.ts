import path from 'node:path';
import ts from 'typescript';
import { beforeAll, expect, it } from 'vitest';
import { exampleWorld } from './example-world.js';
import { entries, folder } from './library-program.js';

const root = path.resolve(folder, '../..');
const world = path.join(import.meta.dirname, 'world.virtual.ts');

/** One `@example` of a comment. */
interface Example {
  /** `fleet/fleet.ts Fleet.each`. */
  readonly place: string;
  readonly source: string;
  readonly code: string;
}

/** An example declares what it only shows, and names types and values alike. */
const lenient = { incremental: false, noUnusedLocals: false, noUnusedParameters: false, verbatimModuleSyntax: false };

/** The program of the repository, with more files that exist only here. */
function compile(files: ReadonlyMap<string, string>): ts.Program {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const parsed = ts.parseJsonConfigFileContent({ ...config, include: [], files: [world] }, ts.sys, root);
  const options = { ...parsed.options, ...lenient };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.getSourceFile = (file, language, ...rest) => {
    const text = files.get(file);
    return text === undefined ? getSourceFile(file, language, ...rest) : ts.createSourceFile(file, text, language);
  };
  return ts.createProgram([...files.keys(), ...entries.map(({ source }) => path.resolve(source))], options, host);
}

/** Whatever a user is handed: exported functions and decorators, and the methods of exported classes. */
function* documented(program: ts.Program): Generator<{ place: string; source: string; node: ts.Node }> {
  for (const file of program.getSourceFiles()) {
    if (!file.fileName.startsWith(`${folder}src/`)) continue;
    const source = file.fileName.slice(`${folder}src/`.length);
    for (const statement of file.statements) {
      if (!ts.canHaveModifiers(statement) || !ts.getModifiers(statement)?.some(isExport)) continue;
      const names = namesOf(statement);
      for (const name of names) yield { place: name, source, node: statement };
      if (!ts.isClassDeclaration(statement)) continue;
      for (const member of statement.members)
        if (ts.isMethodDeclaration(member) && ts.isIdentifier(member.name))
          yield { place: `${names[0]}.${member.name.text}`, source, node: member };
    }
  }
}

const isExport = ({ kind }: ts.ModifierLike) => kind === ts.SyntaxKind.ExportKeyword;

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => (ts.isIdentifier(name) ? name.text : ''));
  const { name } = statement as ts.DeclarationStatement;
  return name ? [name.getText()] : [];
}

/** From the text of the comments: to TypeScript's parser a decorator is one more tag. */
function examplesOf(node: ts.Node): string[] {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return comments.flatMap((comment) => {
    const lines = comment.getText().split('\n');
    const text = lines.map((line) => line.replace(/^ *(?:\/\*\*|\*\/|\* ?)/, '')).join('\n');
    return [...text.matchAll(/^@example\n([\s\S]*?)(?=^@[a-z]|(?![\s\S]))/gm)].map(([, code = '']) =>
      code.replaceAll(/^```.*$/gm, ''),
    );
  });
}

/** An example as a module: it imports the public names that it uses, and what the file that it is in exports. */
function moduleOf({ source, code }: Example, names: ReadonlyMap<string, readonly string[]>, own: string[]): string {
  const found = new Set<string>();
  const from = (module: string, exported: readonly string[]) => {
    const used = exported.filter((name) => !found.has(name) && new RegExp(String.raw`\b${name}\b`).test(code));
    for (const name of used) found.add(name);
    return used.length > 0 ? `import { ${used.join(', ')} } from '${module}';` : '';
  };
  const imports = [...names].map(([module, exported]) => from(module, exported));
  const itself = from(`../../src/${source.replace(/\.ts$/, '.js')}`, own);
  return `${[...imports, itself].join('')}\n${code}\nexport {};\n`;
}

const examples: Example[] = [];
const lacking: string[] = [];
const wrong: string[] = [];

/** Whose methods are what users call. */
const handles = ['Tenancy', 'Fleet', 'Tenants', 'TenantCopies', 'Adoption', 'TenancyModule'];
/** Nest calls them, or the commands do. */
const notForUsers = new Set(['configure', 'onApplicationBootstrap', 'onApplicationShutdown', 'with', 'loadConfig']);

beforeAll(() => {
  const library = compile(new Map([[world, exampleWorld]]));
  const checker = library.getTypeChecker();
  const names = new Map<string, string[]>();
  // The specific ones first: `CatalogScope` is a decorator before it is a type.
  for (const { name, source } of entries.toReversed()) {
    const module = checker.getSymbolAtLocation(library.getSourceFile(path.resolve(source)) as ts.Node);
    names.set(name, module ? checker.getExportsOfModule(module).map((symbol) => symbol.name) : []);
  }
  const functions = new Set(['tenantry/nest', 'tenantry/testing', 'tenantry/cli'].flatMap((name) => names.get(name)));
  const own = new Map<string, string[]>();
  for (const { place, source, node } of documented(library)) {
    own.set(source, [...(own.get(source) ?? []), ...(place.includes('.') ? [] : [place])]);
    const found = examplesOf(node);
    if (found.some((code) => code.trim() === '')) wrong.push(`${source} ${place}: an empty example`);
    for (const code of found) examples.push({ place: `${source} ${place}`, source, code });
    const [owner = '', method = ''] = place.split('.');
    const isHandle = handles.includes(owner) && method !== '' && !notForUsers.has(method);
    const isFunction =
      functions.has(place) &&
      !notForUsers.has(place) &&
      (ts.isFunctionDeclaration(node) || ts.isVariableStatement(node));
    const isOptions =
      ts.isInterfaceDeclaration(node) && /^(?:Tenancy|Report|Migrate|Adopt)\w*(?:Options|Config)$/.test(place);
    const isPublic = [...names.values()].some((exported) => exported.includes(owner));
    if (isPublic && found.length === 0 && (isHandle || isFunction || isOptions)) lacking.push(`${source} ${place}`);
  }
  const modules = new Map(
    examples.map((example, index) => [
      path.join(import.meta.dirname, `example-${index}.virtual.ts`),
      moduleOf(example, names, own.get(example.source) ?? []),
    ]),
  );
  const program = compile(new Map([[world, exampleWorld], ...modules]));
  for (const [index, file] of [...modules.keys()].entries())
    for (const { messageText } of ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
      wrong.push(`${examples[index]?.place}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  wrong.push(
    ...ts
      .getPreEmitDiagnostics(program, program.getSourceFile(world))
      .map(({ messageText }) => `world: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`),
  );
}, 240_000);

it('shows an example of everything that a user calls', () => {
  expect(lacking).toEqual([]);
});

it('shows examples that compile', () => {
  expect(wrong).toEqual([]);
  // Otherwise none was seen.
  expect(examples.length).toBeGreaterThan(40);
});
