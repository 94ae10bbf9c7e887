import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { medians, throughputLine, timeLine } from '../parts/compare.mjs';
import { withNativeTrio } from '../parts/native-trio.mjs';
import { timed } from '../parts/ours.mjs';
import { emptyFiles, smallFiles } from '../parts/scratch.mjs';
import { callFrame, fileFrames, PROC, string, TAR_IN, TAR_OUT } from '../parts/wire.mjs';

export const about = 'readdir of 100 000 entries, tarIn and tarOut of 6 000 small files on a native daemon';

export async function run({ quick, report }) {
  await withNativeTrio(async ({ folder, ours, peer, bare }) => {
    const rounds = quick ? 1 : 5;
    const at = (name) => join(folder, name);
    await emptyFiles(at('many'), quick ? 500 : 100_000);
    const readdir = await medians(
      {
        ours: () => timed(() => ours.readdir(at('many'))),
        peer: () => peer.time('readdir', [at('many')]),
        limit: () => timed(() => bare.replies(callFrame(PROC.readdir, string(at('many'))), 1)),
      },
      rounds,
    );
    report(timeLine('readdir', readdir));
    await rm(at('many'), { recursive: true });

    await smallFiles(at('tree'), quick ? 60 : 6000, 21_000);
    const tarOut = await medians(
      {
        ours: () => timed(() => ours.tarOut(at('tree'), at('a.tar'))),
        peer: () => peer.time('tar_out', [at('tree'), at('b.tar')]),
        limit: () => timed(() => bare.file(callFrame(PROC.tarOut, string(at('tree')), ...TAR_OUT))),
      },
      rounds,
    );
    const { size } = await stat(at('a.tar'));
    report(throughputLine('tarOut', tarOut, size));
    const frames = Buffer.concat([
      callFrame(PROC.tarIn, string(at('c')), ...TAR_IN),
      fileFrames(await readFile(at('a.tar'))),
    ]);
    const into = async (name, work) => {
      await mkdir(at(name));
      const time = await work();
      await rm(at(name), { recursive: true });
      return time;
    };
    const tarIn = await medians(
      {
        ours: () => into('a', () => timed(() => ours.tarIn(at('a.tar'), at('a')))),
        peer: () => into('b', () => peer.time('tar_in', [at('a.tar'), at('b')])),
        limit: () => into('c', () => timed(() => bare.replies(frames, 1))),
      },
      rounds,
    );
    report(throughputLine('tarIn', tarIn, size));
  });
}
