import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { medians, throughputLine } from '../parts/compare.mjs';
import { withNativeTrio } from '../parts/native-trio.mjs';
import { timed } from '../parts/ours.mjs';
import { noise } from '../parts/scratch.mjs';
import { callFrame, fileFrames, PROC, string } from '../parts/wire.mjs';

export const about = 'upload and download of one large file on a native daemon';

export async function run({ quick, report }) {
  await withNativeTrio(async ({ folder, ours, peer, bare }) => {
    const size = (quick ? 2 : 256) * 1e6;
    const rounds = quick ? 1 : 13;
    const at = (name) => join(folder, name);
    const content = noise(size);
    await writeFile(at('source'), content);
    /** Times what makes a file, which is then removed: freeing what an earlier round left takes a good part of a round. */
    const making = (name, work) => async () => {
      const time = await work();
      await rm(at(name), { force: true });
      return time;
    };
    const upload = async (name, to) => {
      const frames = Buffer.concat([callFrame(PROC.upload, string(to('c'))), fileFrames(content)]);
      const times = await medians(
        {
          ours: making('a', () => timed(() => ours.upload(at('source'), to('a')))),
          peer: making('b', () => peer.time('upload', [at('source'), to('b')])),
          limit: making('c', () => timed(() => bare.replies(frames, 1))),
        },
        rounds,
      );
      report(throughputLine(name, times, size));
    };
    await upload('upload', at);
    // What the daemon's writing takes, the same for all, hides what the clients differ in.
    await upload('upload, not stored', () => '/dev/null');
    const download = await medians(
      {
        ours: making('a', () => timed(() => ours.download(at('source'), at('a')))),
        peer: making('b', () => peer.time('download', [at('source'), at('b')])),
        limit: () => timed(() => bare.file(callFrame(PROC.download, string(at('source'))))),
      },
      rounds,
    );
    report(throughputLine('download', download, size));
  });
}
