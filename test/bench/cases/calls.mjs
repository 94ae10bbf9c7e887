import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { medians, timeLine } from '../parts/compare.mjs';
import { withNativeTrio } from '../parts/native-trio.mjs';
import { timed } from '../parts/ours.mjs';
import { callFrame, PROC, string } from '../parts/wire.mjs';

export const about = 'small calls on a native daemon, one at a time and sent ahead';

export async function run({ quick, report }) {
  await withNativeTrio(async ({ folder, ours, peer, bare }) => {
    const file = join(folder, 'file');
    await writeFile(file, 'x');
    const count = quick ? 100 : 4000;
    const rounds = quick ? 1 : 7;
    const calls = [
      { name: 'get_umask', args: [], issue: () => ours.getUmask(), frame: callFrame(PROC.getUmask) },
      { name: 'lstatns', args: [file], issue: () => ours.lstatns(file), frame: callFrame(PROC.lstatns, string(file)) },
    ];
    for (const { name, args, issue, frame } of calls) {
      const theirs = () => peer.time(name, args, { count });
      const one = await medians(
        {
          ours: () => timed(() => oneAtATime(issue, count)),
          peer: theirs,
          limit: () => timed(() => oneAtATime(() => bare.replies(frame, 1), count)),
        },
        rounds,
      );
      report(timeLine(`${name}, one at a time`, one, count));
      const frames = Buffer.concat(Array.from({ length: count }, () => frame));
      const ahead = await medians(
        {
          ours: () => timed(() => Promise.all(Array.from({ length: count }, issue))),
          peer: theirs,
          limit: () => timed(() => bare.replies(frames, count)),
        },
        rounds,
      );
      report(timeLine(`${name}, sent ahead`, ahead, count));
    }
  });
}

async function oneAtATime(issue, count) {
  for (let index = 0; index < count; index += 1) await issue();
}
