import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBareGuest } from '../parts/bare-guest.mjs';
import { medians, throughputLine, timeLine } from '../parts/compare.mjs';
import { openOurs, timed } from '../parts/ours.mjs';
import { openPeer } from '../parts/peer.mjs';
import { disk, noise, scratchFolder, smallFiles } from '../parts/scratch.mjs';
import { callFrame, fileFrames, PROC, string, TAR_IN, TAR_OUT } from '../parts/wire.mjs';

export const about = 'the same in a machine under qemu, emulated on both sides';

export async function run({ quick, report }) {
  const { folder, remove } = await scratchFolder();
  const drive = (name) => disk(join(folder, name), 2 ** 30);
  process.env.LIBGUESTFS_BACKEND_SETTINGS ??= 'force_tcg';
  const ours = await openOurs({ drives: [await drive('ours.img')] });
  const peer = await openPeer({ drives: [await drive('peer.img')] });
  const bare = await openBareGuest(folder, await drive('bare.img'));
  try {
    await ours.mkfs('ext4', '/dev/sda');
    await ours.mount('/dev/sda', '/');
    await peer.time('mkfs', ['ext4', '/dev/sda']);
    await peer.time('mount', ['/dev/sda', '/']);
    await calls({ quick, report, ours, peer, bare });
    await files({ quick, report, ours, peer, bare, folder });
  } finally {
    await Promise.allSettled([ours.close(), peer.close(), bare.close()]);
    remove();
  }
}

async function calls({ quick, report, ours, peer, bare }) {
  const count = quick ? 50 : 1000;
  const rounds = quick ? 1 : 5;
  const kinds = [
    ['get_umask', [], () => ours.getUmask(), callFrame(PROC.getUmask)],
    ['lstatns', ['/lost+found'], () => ours.lstatns('/lost+found'), callFrame(PROC.lstatns, string('/lost+found'))],
  ];
  for (const [name, args, issue, frame] of kinds) {
    const oneAtATime = async (call) => {
      for (let index = 0; index < count; index += 1) await call();
    };
    const frames = Buffer.concat(Array.from({ length: count }, () => frame));
    const times = await medians(
      {
        ours: () => timed(() => oneAtATime(issue)),
        limit: () => timed(() => oneAtATime(() => bare.replies(frame, 1))),
        ahead: () => timed(() => Promise.all(Array.from({ length: count }, issue))),
        aheadLimit: () => timed(() => bare.replies(frames, count)),
        peer: () => peer.time(name, args, { count }),
      },
      rounds,
    );
    const { ours: one, limit, ahead, aheadLimit, peer: theirs } = times;
    report(timeLine(`in the guest: ${name}, one at a time`, { ours: one, peer: theirs, limit }, count));
    report(timeLine(`in the guest: ${name}, sent ahead`, { ours: ahead, peer: theirs, limit: aheadLimit }, count));
  }
}

async function files({ quick, report, ours, peer, bare, folder }) {
  const at = (name) => join(folder, name);
  const size = (quick ? 1 : 64) * 1e6;
  const rounds = quick ? 1 : 5;
  const content = noise(size);
  await writeFile(at('source'), content);
  const frames = Buffer.concat([callFrame(PROC.upload, string('/file')), fileFrames(content)]);
  const upload = await medians(
    {
      ours: () => timed(() => ours.upload(at('source'), '/file')),
      peer: () => peer.time('upload', [at('source'), '/file']),
      limit: () => timed(() => bare.replies(frames, 1)),
    },
    rounds,
  );
  report(throughputLine('in the guest: upload', upload, size));
  const download = await medians(
    {
      ours: () => timed(() => ours.download('/file', at('a'))),
      peer: () => peer.time('download', ['/file', at('b')]),
      limit: () => timed(() => bare.file(callFrame(PROC.download, string('/file')))),
    },
    rounds,
  );
  report(throughputLine('in the guest: download', download, size));

  await smallFiles(at('tree'), quick ? 60 : 6000, 2000);
  await mkdir(at('packed'));
  const upTo = quick ? 1 : 3;
  await packOnce(at('tree'), at('tree.tar'));
  const tarSize = (await stat(at('tree.tar'))).size;
  const tarFrames = Buffer.concat([
    callFrame(PROC.tarIn, string('/tree'), ...TAR_IN),
    fileFrames(await readFile(at('tree.tar'))),
  ]);
  const into = async (prepare, work) => {
    await prepare();
    return work();
  };
  const tarIn = await medians(
    {
      ours: () =>
        into(
          () => ours.rmRf('/tree').then(() => ours.mkdir('/tree')),
          () => timed(() => ours.tarIn(at('tree.tar'), '/tree')),
        ),
      peer: () =>
        into(
          () => peer.time('rm_rf', ['/tree']).then(() => peer.time('mkdir', ['/tree'])),
          () => peer.time('tar_in', [at('tree.tar'), '/tree']),
        ),
      limit: () =>
        into(
          () =>
            bare
              .replies(callFrame(PROC.rmRf, string('/tree')), 1)
              .then(() => bare.replies(callFrame(PROC.mkdir, string('/tree')), 1)),
          () => timed(() => bare.replies(tarFrames, 1)),
        ),
    },
    upTo,
  );
  report(throughputLine('in the guest: tarIn', tarIn, tarSize));
  const tarOut = await medians(
    {
      ours: () => timed(() => ours.tarOut('/tree', at('a.tar'))),
      peer: () => peer.time('tar_out', ['/tree', at('b.tar')]),
      limit: () => timed(() => bare.file(callFrame(PROC.tarOut, string('/tree'), ...TAR_OUT))),
    },
    upTo,
  );
  report(throughputLine('in the guest: tarOut', tarOut, tarSize));
  const readdir = await medians(
    {
      ours: () => timed(() => ours.readdir('/tree/0')),
      peer: () => peer.time('readdir', ['/tree/0']),
      limit: () => timed(() => bare.replies(callFrame(PROC.readdir, string('/tree/0')), 1)),
    },
    rounds,
  );
  report(timeLine('in the guest: readdir', readdir));
  await rm(at('tree'), { recursive: true });
}

async function packOnce(folder, tar) {
  const { execFileSync } = await import('node:child_process');
  execFileSync('tar', ['-C', folder, '-cf', tar, '.']);
}
