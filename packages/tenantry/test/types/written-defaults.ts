import { resolve } from 'node:path';
import ts from 'typescript';
import { entries, folder, libraryProgram } from './library-program.js';

/** A default that TSDoc writes for a public option. */
export interface WrittenDefault {
  /** Such as `AdoptConfig.tenants.idPrefix`. */
  readonly name: string;
  /** As it is written. */
  readonly text: string;
  /** The value that the text begins with; `undefined` where it is told in words. */
  readonly value: unknown;
  /** The comment refers to `TenancyOptions` for it. */
  readonly asInOptions: boolean;
  /** What code falls back to where the option is left out, and where. */
  readonly inCode: readonly { readonly place: string; readonly value: unknown }[];
}

const program = libraryProgram();
const checker = program.getTypeChecker();

/** Every property of a public type, with the default that its TSDoc writes, if any. */
export function writtenDefaults(): readonly WrittenDefault[] {
  const inCode = fallbacks();
  return publicOptions().map(({ name, property }) => {
    const [tag] = ts.getJSDocTags(property).filter(({ tagName }) => tagName.text === 'default');
    const text = (ts.getTextOfJSDocComment(tag?.comment) ?? '').replaceAll(/\s+/g, ' ');
    const asInOptions = ts
      .getJSDocCommentsAndTags(property)
      .some((doc) => doc.getText().includes('As in `TenancyOptions`'));
    const value = valueAtStart(text);
    return { name, text, value, asInOptions, inCode: [...(inCode.get(property)?.values() ?? [])] };
  });
}

/** A number, a text in quotes, a truth value or an empty list, alone or before words that say more. */
function valueAtStart(text: string): unknown {
  const [, found] = /^(-?\d+|'[^']*'|true|false|\[\]|\{\})(?:$|[,;. ])/.exec(text) ?? [];
  return found === undefined ? undefined : (JSON.parse(found.replaceAll("'", '"')) as unknown);
}

interface PublicOption {
  readonly name: string;
  readonly property: ts.PropertySignature;
}

/** The properties of everything that is exported as a type, with those that are nested. */
function publicOptions(): PublicOption[] {
  const found = new Map<ts.PropertySignature, PublicOption>();
  const addMembers = (members: ts.NodeArray<ts.TypeElement>, prefix: string): void => {
    for (const member of members) {
      if (!ts.isPropertySignature(member) || found.has(member)) continue;
      const name = `${prefix}.${member.name.getText()}`;
      found.set(member, { name, property: member });
      const add = (node: ts.Node): void => {
        if (ts.isTypeLiteralNode(node)) addMembers(node.members, name);
        else if (ts.isTypeReferenceNode(node)) addNamed(node.typeName, addMembers);
        else ts.forEachChild(node, add);
      };
      if (member.type) add(member.type);
    }
  };
  for (const { source } of entries) {
    const file = program.getSourceFile(resolve(source));
    const module = file && checker.getSymbolAtLocation(file);
    for (const exported of module ? checker.getExportsOfModule(module) : []) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      for (const node of symbol.declarations ?? []) if (ts.isInterfaceDeclaration(node)) addInterface(node, addMembers);
    }
  }
  return [...found.values()];
}

/** What it extends is given by the same users, whether it has a name of its own for them or not. */
function addInterface(
  node: ts.InterfaceDeclaration,
  addMembers: (members: ts.NodeArray<ts.TypeElement>, prefix: string) => void,
): void {
  addMembers(node.members, node.name.text);
  for (const { types } of node.heritageClauses ?? [])
    for (const { expression } of types) addNamed(expression, addMembers);
}

function addNamed(name: ts.Node, addMembers: (members: ts.NodeArray<ts.TypeElement>, prefix: string) => void): void {
  for (const node of declarationsOf(checker.getSymbolAtLocation(name)))
    if (ts.isInterfaceDeclaration(node) && node.getSourceFile().fileName.startsWith(`${folder}src/`))
      addInterface(node, addMembers);
}

function declarationsOf(symbol: ts.Symbol | undefined): readonly ts.Declaration[] {
  if (!symbol) return [];
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return target.declarations ?? [];
}

type Fallbacks = Map<ts.Node, Map<ts.Node, { place: string; value: unknown }>>;

/** What stands after `=` in a destructuring and after `??`, by the property that it stands for. */
function fallbacks(): Fallbacks {
  const found: Fallbacks = new Map();
  const add = (properties: readonly ts.Node[], fallback: ts.Expression): void => {
    for (const literal of literalsOf(fallback)) {
      const file = literal.getSourceFile();
      const { line } = file.getLineAndCharacterOfPosition(literal.getStart());
      const place = `${file.fileName.slice(folder.length)}:${line + 1}`;
      for (const property of properties) {
        const places = found.get(property) ?? new Map<ts.Node, { place: string; value: unknown }>();
        found.set(property, places.set(literal, { place, value: valueOf(literal) }));
      }
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isBindingElement(node) && node.initializer) add(propertiesOf(node), node.initializer);
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken)
      add(propertiesOf(node.left), node.right);
    ts.forEachChild(node, visit);
  };
  for (const file of program.getSourceFiles()) if (file.fileName.startsWith(`${folder}src/`)) visit(file);
  return found;
}

/** The declarations of the property that an expression reads, also when it was taken out of its object before. */
function propertiesOf(node: ts.Node): readonly ts.Node[] {
  if (ts.isPropertyAccessExpression(node)) return declarationsOf(checker.getSymbolAtLocation(node.name));
  if (ts.isIdentifier(node))
    return declarationsOf(checker.getSymbolAtLocation(node)).flatMap((each) =>
      ts.isBindingElement(each) ? propertiesOf(each) : [],
    );
  if (!ts.isBindingElement(node) || !ts.isObjectBindingPattern(node.parent)) return [];
  const key = node.propertyName ?? node.name;
  return ts.isIdentifier(key) ? declarationsOf(checker.getTypeAtLocation(node.parent).getProperty(key.text)) : [];
}

/** The values in an expression; of a name, where it got its value. */
function literalsOf(node: ts.Node): ts.Expression[] {
  if (ts.isIdentifier(node)) {
    const [declared] = declarationsOf(checker.getSymbolAtLocation(node));
    const initializer = declared && ts.isVariableDeclaration(declared) ? declared.initializer : undefined;
    return initializer && valueOf(initializer) !== undefined ? [initializer] : [];
  }
  if (ts.isExpression(node) && valueOf(node) !== undefined) return [node];
  const found: ts.Expression[] = [];
  ts.forEachChild(node, (child) => void found.push(...literalsOf(child)));
  return found;
}

function valueOf(node: ts.Expression): unknown {
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isStringLiteral(node)) return node.text;
  if (node.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (node.kind === ts.SyntaxKind.FalseKeyword) return false;
  if (ts.isArrayLiteralExpression(node) && node.elements.length === 0) return [];
  if (ts.isObjectLiteralExpression(node) && node.properties.length === 0) return {};
  return undefined;
}
