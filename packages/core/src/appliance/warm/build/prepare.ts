import { GuestfsError } from '../../../protocol/errors.js';
import { pause } from '../../../waiting/give-up.js';
import { holdDuring } from '../../../protocol/keep-alive.js';
import { startWatcher } from '../../process/watcher.js';
import { buildTemplate } from './build.js';
import { keyParts, cacheRootHash, templateKey, type TemplateInputs } from '../template/key.js';
import { TemplateStore } from '../template/store.js';
import type { Template } from '../template/template.js';

export interface PrepareOptions {
  readonly inputs: TemplateInputs;
  readonly cachedir: string;
  readonly sockdir: string;
  readonly tmpdir: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** How often to look whether another process has finished a template, in milliseconds. */
const LOOK_STEP = 250;

/** What preparing came to. */
export interface Prepared {
  readonly template: Template;
  /** False where it was there already. */
  readonly made: boolean;
}

/**
 * Makes sure that there is a template of these inputs, and makes it where there is none; where another process is
 * making it, waits for that one. Rejects with a GuestfsError that says why none could be made.
 */
export async function prepareTemplate(options: PrepareOptions): Promise<Prepared> {
  const { inputs, cachedir, signal, log } = options;
  const store = await TemplateStore.open(cachedir);
  const parts = await keyParts(inputs, store.memo, log);
  if (parts === null) {
    throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', 'templates cannot be made for this kernel and CPU', {
      hint: 'launches go on cold; a kernel of this host, with its modules in /lib/modules, would do',
    });
  }
  const key = templateKey(parts);
  for (;;) {
    signal.throwIfAborted();
    const found = await store.find(key);
    if (found.kind === 'ready') return { template: found.template, made: false };
    if (found.kind === 'damaged') log(`warm start: the template ${key} was removed: ${found.problem}`);
    const staging = await store.stage(key);
    if (staging === null) {
      await waitForOther(store, key, signal);
      continue;
    }
    // It removes the folder when this process dies, and where no finished template was moved away from there.
    const watcher = startWatcher(staging);
    try {
      log(`warm start: making the template ${key}`);
      await holdDuring(buildTemplate({ ...options, parts, key, staging }));
      await cacheRootHash(inputs, parts.root, store.memo);
      return { template: await store.publish(staging, key), made: true };
    } finally {
      await watcher.release();
    }
  }
}

async function waitForOther(store: TemplateStore, key: string, signal: AbortSignal): Promise<void> {
  while (await store.isBeingMade(key)) {
    await pause(LOOK_STEP, { signal });
  }
}
