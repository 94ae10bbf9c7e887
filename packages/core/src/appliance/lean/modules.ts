import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** What a kernel has as modules, and what each needs. */
export interface ModuleIndex {
  /** Path below the modules' folder, by the module's name. */
  readonly files: ReadonlyMap<string, string>;
  /** Paths that a path needs, as `modules.dep` has them: the nearest first. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  readonly builtin: ReadonlySet<string>;
}

/** Reads `modules.dep` and `modules.builtin` of a kernel's folder below /lib/modules. */
export async function readModuleIndex(folder: string): Promise<ModuleIndex> {
  const [dependencies, builtin] = await Promise.all(
    ['modules.dep', 'modules.builtin'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  return parseModuleIndex(dependencies ?? '', builtin ?? '');
}

/** Understands the text of `modules.dep` (`path: path path`) and `modules.builtin` (a path a line). */
export function parseModuleIndex(dependencies: string, builtin: string): ModuleIndex {
  const files = new Map<string, string>();
  const needs = new Map<string, readonly string[]>();
  for (const line of dependencies.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const file = line.slice(0, colon);
    files.set(moduleName(file), file);
    needs.set(
      file,
      line
        .slice(colon + 1)
        .split(' ')
        .filter((path) => path !== ''),
    );
  }
  return {
    files,
    needs,
    builtin: new Set(
      builtin
        .split('\n')
        .filter((path) => path !== '')
        .map(moduleName),
    ),
  };
}

/** The name by which the kernel knows a module: hyphens and underscores are one, and compression is no part of it. */
export function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.(gz|xz|zst))?$/, '')
    .replaceAll('-', '_');
}

/**
 * The files to load so that all wanted modules work, each after what it needs.
 *
 * Built-in modules need nothing. A name that is neither is left out: another may do its work, or the boot shows it.
 */
export function loadOrder(index: ModuleIndex, wanted: readonly string[]): string[] {
  const order = new Set<string>();
  for (const name of wanted) {
    const file = index.files.get(moduleName(name));
    if (file === undefined) continue;
    for (const needed of [...(index.needs.get(file) ?? [])].reverse()) order.add(needed);
    order.add(file);
  }
  return [...order];
}

/** Whether a kernel has a module in either form. */
export function hasModule(index: ModuleIndex, name: string): boolean {
  return index.builtin.has(moduleName(name)) || index.files.has(moduleName(name));
}
