import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { Guestfs } from 'guestfs';

const examples = new URL('../../examples/', import.meta.url);
const LIMIT = 300;

interface Site {
  publishAndReport: (g: Guestfs, pages: Record<string, string>) => Promise<{ name: string; size: bigint }[]>;
}

interface Quickstart {
  replayedQuickstart: () => Promise<number>;
}

/** The least time of some runs, in milliseconds: the machine may be busy with other tests. */
async function best(run: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

describe('with no program of this machine at hand', () => {
  const { PATH } = process.env;
  beforeEach(() => void (process.env['PATH'] = '/nowhere'));
  afterEach(() => {
    process.env['PATH'] = PATH;
    jest.restoreAllMocks();
  });

  test(`a recorded session is replayed in under ${LIMIT} ms`, async () => {
    const { publishAndReport } = (await import(new URL('testing-with-replay/site.mjs', examples).href)) as Site;
    const { pages } = (await import(new URL('testing-with-replay/pages.mjs', examples).href)) as {
      pages: Record<string, string>;
    };
    const time = await best(async () => {
      const g = new Guestfs();
      g.setBackend(`replay:${fileURLToPath(new URL('testing-with-replay/recordings/site.gfr', examples))}`);
      expect(await publishAndReport(g, pages)).toHaveLength(2);
      await g.close();
    });
    expect(time).toBeLessThan(LIMIT);
  });

  test(`the quickstart itself is replayed in under ${LIMIT} ms, and does all that it does`, async () => {
    const { replayedQuickstart } = (await import(new URL('quickstart/recorded.mjs', examples).href)) as Quickstart;
    const said: string[] = [];
    jest.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
    const time = await best(async () => {
      said.length = 0;
      expect(await replayedQuickstart()).toBe(0);
    });
    expect(said.filter((line) => line.startsWith('✔'))).toEqual([
      '✔ Create a disk image of 512 MiB',
      expect.stringMatching(/^✔ Boot the appliance under QEMU: guestfs \d+\.\d+\.\d+$/),
      '✔ Partition the disk (GPT): /dev/sda1',
      '✔ Make an ext4 filesystem and mount it: label quickstart',
      expect.stringMatching(/^✔ Make 64 KiB of test data/),
      '✔ Upload it, with progress',
      '✔ Copy this project’s documentation in: 3 files and folders',
      expect.stringMatching(/^✔ Compare checksums with the guest’s: sha256 /),
      '✔ Read it back as a stream and verify: identical',
      '✔ Unmount, check the filesystem, shut down: clean',
    ]);
    expect(time).toBeLessThan(LIMIT);
  });
});
