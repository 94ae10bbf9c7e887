import { readFileSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCircles } from './circles.js';
import { findImports, judgeImport, targetOf } from './imports.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGES = join(ROOT, 'packages');

/** The receiving half of the event bridge, which also runs in a browser. */
const BROWSER_FILES = ['packages/events/src/receive.ts'];

/** Complains of every import that points the wrong way, see {@link judgeImport} for the rules, and of circles. */
function main(): number {
  const mistakes: string[] = [];
  const relatives = new Map<string, string[]>();
  for (const name of readdirSync(PACKAGES)) {
    const folder = join(PACKAGES, name, 'src');
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const file = relative(ROOT, path);
      const imports = findImports(readFileSync(path, 'utf8'), path);
      for (const { specifier, line } of imports) {
        const mistake = judgeImport(file, specifier);
        if (mistake !== null) mistakes.push(`${file}:${line}: ${mistake}`);
      }
      const targets = imports.map(({ specifier }) => targetOf(file, specifier));
      relatives.set(
        file,
        targets.filter((target) => target !== null),
      );
    }
  }
  for (const circle of findCircles(relatives))
    mistakes.push(`files import each other in a circle: ${circle.join(' -> ')}`);
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
      if (isBuiltin(specifier)) {
        mistakes.push(`${file}:${line}: ${specifier} is Node's, but ${root} runs in browsers too`);
      }
      const target = targetOf(file, specifier);
      if (target !== null) visit(target);
    }
  };
  visit(root);
  return mistakes;
}

process.exitCode = main();
