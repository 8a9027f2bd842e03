import { readFile, writeFile } from 'node:fs/promises';
import ts from 'typescript';

/** Writes `docs/options.md` from the TSDoc of `TenancyOptions`; with `--check`, fails when the page is another. */
const source = 'packages/tenantry/src/options.ts';
const page = 'docs/options.md';

interface Option {
  readonly name: string;
  readonly type: string;
  readonly text: string;
  readonly fallback: string;
}

function optionsOf(members: ts.NodeArray<ts.TypeElement>, file: ts.SourceFile, prefix = ''): Option[] {
  return members.flatMap((member) => {
    if (!ts.isPropertySignature(member) || !member.type) return [];
    const name = prefix + member.name.getText(file);
    const [doc] = ts.getJSDocCommentsAndTags(member).filter(ts.isJSDoc);
    const nested =
      ts.isTypeLiteralNode(member.type) && prefix === '' && name !== 'shared' ? member.type.members : undefined;
    const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'default');
    const option = {
      name,
      type: nested
        ? ''
        : member.type
            .getText(file)
            .replace(/ \| undefined$/, '')
            .replaceAll(/\s+/g, ' '),
      text: (ts.getTextOfJSDocComment(doc?.comment) ?? '').replaceAll(/\s+/g, ' '),
      fallback: tag
        ? (ts.getTextOfJSDocComment(tag.comment) ?? '').replaceAll('`', '')
        : member.questionToken
          ? ''
          : 'required',
    };
    return [option, ...(nested ? optionsOf(nested, file, `${name}.`) : [])];
  });
}

function render(options: readonly Option[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = options.map(({ name, type, text, fallback }) => {
    const shown = fallback === 'required' ? '**required**' : fallback && `\`${cell(fallback)}\``;
    return `| \`${name}\` | ${type && `\`${cell(type)}\``} | ${shown} | ${cell(text)} |`;
  });
  return [
    '# Options',
    '',
    'Options of `TenancyModule.forRoot()` and `Tenancy.start()`. Unknown ones are refused. `TenancyModule` also takes `resolver`:',
    'which resolver finds the tenant in a request; without it every route runs in the catalog scope.',
    '',
    'Generated from the TSDoc in `packages/tenantry/src/options.ts` by `npm run docs`.',
    '',
    '| option | type | default | what it does |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

const file = ts.createSourceFile(source, await readFile(source, 'utf8'), ts.ScriptTarget.Latest, true);
const declaration = file.statements.find(
  (node) => ts.isInterfaceDeclaration(node) && node.name.text === 'TenancyOptions',
);
if (!declaration || !ts.isInterfaceDeclaration(declaration)) throw new Error(`${source} declares no TenancyOptions`);
const text = render(optionsOf(declaration.members, file));
if (process.argv.includes('--check')) {
  const current = await readFile(page, 'utf8').catch(() => '');
  if (current !== text) {
    console.error(`${page} is not what ${source} says; run: npm run docs`);
    process.exitCode = 1;
  }
} else {
  await writeFile(page, text);
}
