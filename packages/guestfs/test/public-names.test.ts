import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import * as guestfs from '../src/index.js';

const INDEX = fileURLToPath(new URL('../src/index.ts', import.meta.url));
const LIST = new URL('public-names.txt', import.meta.url);

interface PublicName {
  readonly name: string;
  readonly typeOnly: boolean;
}

/** What a module exports, by its text. All of another package's names at once are a mistake: nobody would know them. */
function findExports(path: string): PublicName[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    if (ts.isInterfaceDeclaration(statement)) return [{ name: statement.name.text, typeOnly: true }];
    if (!ts.isExportDeclaration(statement)) return [];
    const { exportClause, isTypeOnly, moduleSpecifier } = statement;
    const from = (moduleSpecifier as ts.StringLiteral).text;
    if (exportClause === undefined) {
      if (!from.startsWith('.')) throw new Error(`export * from '${from}': name what is exported`);
      return findExports(fileURLToPath(new URL(from.replace(/\.js$/, '.ts'), `file://${path}`)));
    }
    const { elements } = exportClause as ts.NamedExports;
    return elements.map(({ name, isTypeOnly: own }) => ({ name: name.text, typeOnly: isTypeOnly || own }));
  });
}

test('the public names are those of the list: change it with a name, and tell users in the changelog', () => {
  const lines = findExports(INDEX).map(({ name, typeOnly }) => (typeOnly ? `type ${name}` : name));
  expect(`${lines.sort().join('\n')}\n`).toBe(readFileSync(LIST, 'utf8'));
});

test('what the list has as values is there at run time, and nothing else', () => {
  const values = findExports(INDEX).filter(({ typeOnly }) => !typeOnly);
  expect(Object.keys(guestfs).sort()).toEqual(values.map(({ name }) => name).sort());
});

test.each(['Transport', 'TransportReceiver', 'Procedure', 'WireField', 'Connection'])(
  '%s is no public name',
  (name) => {
    expect(findExports(INDEX).map((each) => each.name)).not.toContain(name);
  },
);
