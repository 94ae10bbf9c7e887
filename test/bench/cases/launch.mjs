import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guestfs, GuestfsPool, prepareAppliance } from 'guestfs';
import { memoryOf, ourLaunch, peerLaunch, pooledLaunch } from '../parts/launches.mjs';
import { disk, scratchFolder } from '../parts/scratch.mjs';

export const about = 'launching: cold with the lean initrd, warm from a template, from a pool';

/** Where the medians go as JSON, for the picture in docs/. */
const saveAs = process.env.GUESTFS_BENCH_SAVE;

export async function run({ quick, report }) {
  const { folder, remove } = await scratchFolder();
  process.env.LIBGUESTFS_BACKEND_SETTINGS ??= 'force_tcg';
  const rounds = quick ? 1 : 5;
  const peer = async (image) => peerLaunch(image, await peerCache);
  const peerCache = mkdtemp(join(tmpdir(), 'guestfs-bench-peer-'));
  const file = join(folder, 'disk.img');
  const fresh = async (launch) => launch(await disk(file, 2 ** 28));
  const samples = { upstream: [], lean: [], warm: [], pool: [] };
  try {
    await prepareAppliance();
    // Builds its appliance, which is not measured.
    await fresh(peer);
    for (let round = 0; round < rounds; round += 1) {
      samples.upstream.push(await fresh(peer));
      samples.lean.push(await fresh((image) => ourLaunch(image, { warm: false })));
      samples.warm.push(await fresh((image) => ourLaunch(image, {})));
      samples.pool.push(await fresh(withPool));
    }
    const medians = Object.fromEntries(Object.entries(samples).map(([name, all]) => [name, medianOf(all)]));
    for (const kind of ['lean', 'warm', 'pool']) reportKind(kind, medians, report);
    const many = await atOnce(quick ? 2 : 8, folder);
    reportMany(many, medians, report);
    if (saveAs !== undefined) await writeFile(saveAs, `${JSON.stringify({ rounds, ...medians, many }, null, 2)}\n`);
  } finally {
    remove();
    await rm(await peerCache, { recursive: true, force: true });
  }
}

/** The time to give a handle out, without disks, and a session with a handle that was asked for with one. */
async function withPool(image) {
  const pool = new GuestfsPool({ size: 1 });
  const filled = async () => {
    while (pool.ready === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  try {
    await filled();
    const start = performance.now();
    const g = await pool.acquire();
    const given = performance.now() - start;
    await g.listDevices();
    await g.close();
    await filled();
    return { given, ...(await pooledLaunch(image, pool)) };
  } finally {
    await pool.close();
  }
}

function reportKind(kind, medians, report) {
  const [ours, peer] = [medians[kind], medians.upstream];
  if (ours.given !== undefined) report(line(`${kind}: handle given out`, ours.given, peer.launched, 'ms'));
  report(
    line(`${kind}: ${kind === 'pool' ? 'given out with a disk' : 'launched'}`, ours.launched, peer.launched, 'ms'),
  );
  report(line(`${kind}: first call answered`, ours.first, peer.first, 'ms'));
  report(line(`${kind}: small session done`, ours.session, peer.session, 'ms'));
  report(line(`${kind}: resident memory`, ours.rss, peer.rss, 'MB'));
}

/** Launches several handles at the same time, and measures what they take together. */
async function atOnce(count, folder) {
  const start = performance.now();
  const handles = await Promise.all(
    Array.from({ length: count }, async (_, index) =>
      Guestfs.open({ drives: [{ file: await disk(join(folder, `many${index}.img`), 2 ** 26), format: 'raw' }] }),
    ),
  );
  const launched = performance.now() - start;
  try {
    await Promise.all(handles.map((g) => g.listDevices()));
    const first = performance.now() - start;
    const memory = await Promise.all(handles.map((g) => memoryOf(g.getPid())));
    const pss = memory.reduce((sum, each) => sum + each.pss, 0) / count;
    const shared = memory.reduce((sum, each) => sum + each.shared, 0) / count;
    return { count, launched, first, pss, shared };
  } finally {
    await Promise.all(handles.map((g) => g.close()));
  }
}

function reportMany({ count, launched, first, pss, shared }, { upstream }, report) {
  const name = `${count} at once, for each`;
  report(line(`${name}: launched`, launched / count, upstream.launched, 'ms'));
  report(line(`${name}: first call answered`, first / count, upstream.first, 'ms'));
  report(line(`${name}: memory of its own (PSS)`, pss, upstream.rss, 'MB'));
  report(line(`${name}: memory shared`, shared, upstream.rss, 'MB'));
}

const round = (value) => Number(value.toPrecision(4));

function line(name, ours, peer, unit) {
  return { case: `launch: ${name}`, ours: round(ours), peer: round(peer), unit, ratio: round(peer / ours) };
}

/** The median of each number in a list of equal objects. */
function medianOf(all) {
  const [first] = all;
  return Object.fromEntries(
    Object.entries(first).map(([name, value]) => {
      const values = all.map((each) => each[name]);
      return [name, typeof value === 'number' ? median(values) : medianOf(values)];
    }),
  );
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
