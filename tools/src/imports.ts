import { dirname, normalize } from 'node:path/posix';
import ts from 'typescript';

/** The packages in the direction of imports: each may use those before it. */
const ORDER = ['events', 'core', 'attach', 'guestfs'];

/** What the packages offer each other besides their index. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  events: ['internal'],
  core: ['protocol', 'appliance'],
  attach: ['internal'],
};

/**
 * The folders of some folders, in the direction of imports: each may use itself and those before it. Files that lie
 * directly in such a folder may use all of its folders.
 */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  'packages/core/src/': ['waiting', 'protocol', 'appliance'],
  'packages/core/src/appliance/': [
    'config',
    'host',
    'process',
    'cache',
    'qmp',
    'qemu',
    'drives',
    'monitor',
    'find',
    'boot',
    'lean',
    'warm',
  ],
  'packages/core/src/appliance/warm/': ['machine', 'template', 'build', 'restore'],
};

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Gone once it is compiled. */
  readonly typeOnly: boolean;
}

/** Every module that a file imports, exports from, or loads with `import()`. */
export function findImports(text: string, path: string): Import[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const module = moduleOf(node);
    if (module !== undefined && ts.isStringLiteral(module)) {
      const line = source.getLineAndCharacterOfPosition(module.getStart()).line + 1;
      found.push({ specifier: module.text, line, typeOnly: isTypeOnly(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function moduleOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return node.arguments[0];
  return undefined;
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node)) return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  return ts.isImportTypeNode(node) || (ts.isExportDeclaration(node) && node.isTypeOnly);
}

/** The file that a relative import names, null for a package. */
export function targetOf(file: string, specifier: string): string | null {
  return specifier.startsWith('.') ? normalize(`${dirname(file)}/${specifier}`).replace(/\.js$/, '.ts') : null;
}

/** What is wrong with an import, null when nothing is. Files are named from the repository's root. */
export function judgeImport(file: string, specifier: string): string | null {
  const [, from = ''] = file.split('/');
  if (specifier.startsWith('.')) {
    const target = targetOf(file, specifier) as string;
    if (!target.startsWith(`packages/${from}/src/`)) return `${specifier} leaves the package: import it by its name`;
    return specifier.endsWith('.js') ? judgeFolders(file, target) : `${specifier}: relative imports end in .js`;
  }
  const [, to, rest] = /^(?:@guestfs\/([^/]+)|guestfs)(?:\/(.*))?$/.exec(specifier) ?? [];
  const target = specifier === 'guestfs' || specifier.startsWith('guestfs/') ? 'guestfs' : to;
  if (target === undefined) return null;
  if (rest !== undefined && !ENTRIES[target]?.includes(rest))
    return `${specifier} reaches into the package: its entries are ${['.', ...(ENTRIES[target] ?? [])].join(', ')}`;
  if (ORDER.indexOf(target) < ORDER.indexOf(from)) return null;
  return `${from} may not import ${target}: the direction is ${ORDER.join(' <- ')}`;
}

function judgeFolders(file: string, target: string): string | null {
  for (const [parent, order] of Object.entries(FOLDERS)) {
    if (!file.startsWith(parent) || !target.startsWith(parent)) continue;
    const [from = '', to = ''] = [file, target].map((path) => path.slice(parent.length).split('/')[0]);
    if (file === parent + from || target === parent + to) continue;
    const later = order.indexOf(to) > order.indexOf(from);
    if (later) return `${from} may not import ${to}: the direction in ${parent} is ${order.join(' <- ')}`;
  }
  return null;
}
