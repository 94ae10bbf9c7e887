import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LaunchConfig } from '../../config/config.js';
import { startBuilder } from '../../process/builder.js';
import type { Turn } from '../turn.js';
import type { TemplateInputs } from '../template/key.js';
import type { MissingTemplate } from '../template/store.js';

/** How long after a launch making a template begins, in milliseconds: what is done first with a handle comes first. */
const DELAY = 1000;
/** The places that a template takes while it is made: as many as its machine has processors. */
const PLACES = 2;
/** The turns of what this process is making, or has made already and needs none for, by what it is made of. */
const asked = new Map<string, Turn[]>();

/** What the process that makes templates in the background is told, as JSON on its input. */
export interface BackgroundTask {
  readonly inputs: TemplateInputs;
  readonly cachedir: string;
  readonly sockdir: string;
  readonly tmpdir: string;
  /** Somebody waits for it: not at the lowest priority. */
  readonly urgent: boolean;
}

/**
 * Has a template made by a process of its own, at the lowest priority, that ends with this one and does not keep it
 * alive. Once per process and kind of template: where it fails, launches go on cold. The turns of the first launches go to it,
 * since it boots a machine too.
 */
export async function makeTemplateLater(
  { inputs, key, store }: MissingTemplate,
  config: LaunchConfig,
  turn: Turn,
  log: (line: string) => void,
): Promise<void> {
  const { cachedir, sockdir, tmpdir } = config;
  const program = builderProgram();
  const kind = JSON.stringify([inputs, cachedir]);
  const urgent = await turn.isCrowded();
  const begun = await store.isBeingMade(key);
  const known = asked.get(kind);
  // Where nobody waits, the next launch had better boot than wait for a template that others make.
  if (program === null || (!urgent && (begun || known !== undefined))) turn.release();
  if (program === null) return;
  if (known !== undefined) {
    if (known.length === 0 || known.length >= PLACES) turn.release();
    else known.push(turn);
    return;
  }
  const turns = [turn];
  asked.set(kind, turns);
  const task = JSON.stringify({ inputs, cachedir, sockdir, tmpdir, urgent } satisfies BackgroundTask);
  log('warm start: a template is made in the background; "npx guestfs warm" makes it beforehand');
  const start = (): void => startBuilder(program, task, () => turns.splice(0).forEach((each) => each.release()));
  setTimeout(start, urgent ? 0 : DELAY).unref();
}

/** The compiled program, also where this runs from the TypeScript sources; null where nothing was compiled. */
function builderProgram(): string | null {
  const here = import.meta.url;
  const url = here.endsWith('.ts') ? '../../../../dist/appliance/warm/build/builder-main.js' : './builder-main.js';
  const file = fileURLToPath(new URL(url, here));
  return existsSync(file) ? file : null;
}
