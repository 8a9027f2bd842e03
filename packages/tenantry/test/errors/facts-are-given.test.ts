import ts from 'typescript';
import { expect, it } from 'vitest';
import { errorCodes, type TenancyErrorCode } from '../../src/errors/error-codes.js';
import { libraryProgram } from '../types/library-program.js';

const program = libraryProgram();
const checker = program.getTypeChecker();

/** Every place where the library makes a failure: its codes, and the facts that it gives. */
function* failures(): Generator<{ place: string; codes: TenancyErrorCode[]; given: ReadonlySet<string>[] }> {
  for (const source of program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.includes('/packages/tenantry/src/'))) {
    for (const made of newErrors(source)) {
      const [code, fields] = made.arguments ?? [];
      const { line } = source.getLineAndCharacterOfPosition(made.getStart());
      const place = `${source.fileName.replace(/.*\/src\//, '')}:${line + 1}`;
      const facts = fields ? typesOf(checker.getTypeAtLocation(fields)) : [];
      // Facts of the message that PostgreSQL or a socket sent; the tests of translateError() look at its sentences.
      if (facts.some((type) => type.getStringIndexType())) continue;
      const codes = code
        ? typesOf(checker.getTypeAtLocation(code)).map((type) => (type as ts.StringLiteralType).value)
        : [];
      yield { place, codes: codes as TenancyErrorCode[], given: fields ? facts.map(namesOf) : [new Set()] };
    }
  }
}

function* newErrors(node: ts.Node): Generator<ts.NewExpression> {
  if (ts.isNewExpression(node) && node.expression.getText() === 'TenancyError') yield node;
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* newErrors(child);
}

const typesOf = (type: ts.Type): ts.Type[] => (type.isUnion() ? type.types : [type]);
/** What may be left out is not given. */
const namesOf = (type: ts.Type): Set<string> =>
  new Set(
    checker
      .getPropertiesOfType(type)
      .filter(({ flags }) => !(flags & ts.SymbolFlags.Optional))
      .map(({ name }) => name),
  );
const asked = (code: TenancyErrorCode) => {
  const { detail, operator } = errorCodes[code];
  return [...`${detail} ${operator}`.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
};

it('gives every sentence the facts that it asks for, wherever a failure is made', () => {
  const found = [...failures()];
  const lacking = found.flatMap(({ place, codes, given }) =>
    codes.flatMap((code) =>
      asked(code)
        .filter((name) => given.some((names) => !names.has(name)))
        .map((name) => `${place} ${code} {${name}}`),
    ),
  );
  expect(lacking).toEqual([]);
  // Otherwise the look saw nothing.
  expect(found.flatMap(({ codes }) => codes).length).toBeGreaterThan(Object.keys(errorCodes).length);
});
