import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LaunchConfig } from '../../config/config.js';
import { startBuilder } from '../../process/builder.js';
import type { Ingredients } from '../template/key.js';

/** How long after a launch making a template begins, in milliseconds: what is done first with a handle comes first. */
const DELAY = 1000;
/** What this process is making or has made already, by its configuration. */
const asked = new Set<string>();

/** What the process that makes templates in the background is told, as JSON on its input. */
export interface BackgroundTask {
  readonly ingredients: Ingredients;
  readonly cachedir: string;
  readonly sockdir: string;
  readonly tmpdir: string;
}

/**
 * Has a template made by a process of its own, at the lowest priority, that ends with this one and does not keep it
 * alive. Once per process and kind of template: where it fails, launches go on cold.
 */
export function makeTemplateLater(ingredients: Ingredients, config: LaunchConfig, log: (line: string) => void): void {
  const { cachedir, sockdir, tmpdir } = config;
  const task = JSON.stringify({ ingredients, cachedir, sockdir, tmpdir } satisfies BackgroundTask);
  const program = builderProgram();
  if (asked.has(task) || program === null) return;
  asked.add(task);
  log('warm start: a template is made in the background; "npx guestfs warm" makes it beforehand');
  setTimeout(() => startBuilder(program, task), DELAY).unref();
}

/** The compiled program, also where this runs from the TypeScript sources; null where nothing was compiled. */
function builderProgram(): string | null {
  const here = import.meta.url;
  const url = here.endsWith('.ts') ? '../../../../dist/appliance/warm/build/builder-main.js' : './builder-main.js';
  const file = fileURLToPath(new URL(url, here));
  return existsSync(file) ? file : null;
}
