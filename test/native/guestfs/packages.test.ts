import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fdir } from 'fdir';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeRepository, readRepository } from '../../../examples/git-in-image/repository.mjs';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';

const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

whenPossible('packages that take an fs, unchanged', () => {
  let native: NativeGuestfs;
  let folder: string;

  beforeAll(async () => {
    native = await openNative();
    folder = join(native.folder, 'project');
  });
  afterAll(async () => native[Symbol.asyncDispose]());

  it('isomorphic-git makes a repository that git itself finds sound', async () => {
    await mkdir(folder);
    await makeRepository(native.g.fs, folder);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', `safe.directory=${folder}`, '-C', folder, ...args], { encoding: 'utf8' });
    git('fsck', '--strict');
    expect(git('log', '--format=%s')).toBe('Print more\nBegin\n');
    expect(git('status', '--porcelain')).toBe('');
  });

  it('isomorphic-git and tinyglobby read it', async () => {
    await native.g.fs.writeFile(`${folder}/README.md`, '# Changed\n');
    expect(await readRepository(native.g.fs, folder)).toEqual({
      branch: 'main',
      messages: ['Print more', 'Begin'],
      changed: ['README.md'],
      files: [`${folder}/README.md`, `${folder}/src/index.js`],
    });
  });

  it('fdir walks it', async () => {
    const walker = new fdir({ fs: native.g.fs as never }).withFullPaths().exclude((name) => name === '.git');
    expect((await walker.crawl(folder).withPromise()).sort()).toEqual([
      `${folder}/README.md`,
      `${folder}/src/index.js`,
    ]);
  });
});
