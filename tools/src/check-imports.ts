import { readFileSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findImports, judgeImport } from './imports.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGES = join(ROOT, 'packages');

/** The receiving half of the event bridge, which also runs in a browser. */
const BROWSER_FILES = ['packages/events/src/receive.ts'];

/** Complains of every import that points the wrong way; see {@link judgeImport} for the rules. */
function main(): number {
  const mistakes: string[] = [];
  for (const name of readdirSync(PACKAGES)) {
    const folder = join(PACKAGES, name, 'src');
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const file = relative(ROOT, path);
      for (const { specifier, line } of findImports(readFileSync(path, 'utf8'), path)) {
        const mistake = judgeImport(file, specifier);
        if (mistake !== null) mistakes.push(`${file}:${line}: ${mistake}`);
      }
    }
  }
  for (const root of BROWSER_FILES) mistakes.push(...findNodeImports(root));
  for (const mistake of mistakes) console.error(mistake);
  return mistakes.length > 0 ? 1 : 0;
}

/** Complains of what is Node's among all that a file loads, however indirectly. */
function findNodeImports(root: string): string[] {
  const mistakes: string[] = [];
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { specifier, line, typeOnly } of findImports(readFileSync(join(ROOT, file), 'utf8'), file)) {
      if (typeOnly) continue;
      if (isBuiltin(specifier))
        mistakes.push(`${file}:${line}: ${specifier} is Node's, but ${root} runs in browsers too`);
      else if (specifier.startsWith('.')) visit(join(dirname(file), specifier).replace(/\.js$/, '.ts'));
    }
  };
  visit(root);
  return mistakes;
}

process.exitCode = main();
