import { getEventListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Guestfs } from 'guestfs';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';

const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

whenPossible('one signal', () => {
  let native: NativeGuestfs;
  let g: Guestfs;
  const names = Array.from({ length: 20_000 }, (_, i) => `name${i}`);
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);

  beforeAll(async () => {
    native = await openNative();
    g = native.g;
    await writeFile(join(native.folder, 'file'), 'content');
    process.on('warning', warned);
  });
  afterAll(async () => {
    process.off('warning', warned);
    await native[Symbol.asyncDispose]();
  });

  it.each<[string, (signal: AbortSignal) => PromiseLike<unknown>[]]>([
    ['of fifty calls', (signal) => Array.from({ length: 50 }, () => g.getUmask({ signal }))],
    [
      'of fifty functions of the library and transfers',
      (signal) =>
        Array.from({ length: 50 }, (_, i) =>
          i % 2 === 0
            ? g.readdir(native.folder, { signal })
            : g.download(join(native.folder, 'file'), join(native.folder, `copy${i}`), { signal }),
        ),
    ],
    ['of fifty iterators', (signal) => Array.from({ length: 50 }, () => g.events({ signal }).return())],
    ['of lstatlist', (signal) => [g.lstatlist(native.folder, names, { signal })]],
    ['of lstatnslist', (signal) => [g.lstatnslist(native.folder, names, { signal })]],
    ['of lxattrlist', (signal) => [g.lxattrlist(native.folder, names.slice(0, 5000), { signal })]],
    ['of readlinklist', (signal) => [g.readlinklist(native.folder, names, { signal })]],
  ])('%s has one listener at most, and none in the end', async (_, start) => {
    const { signal } = new AbortController();
    const running = start(signal);
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1);
    await Promise.all(running);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await turn();
    expect(warnings).toEqual([]);
  });
});
