import { openBare } from './bare.mjs';
import { startDaemon } from './native.mjs';
import { openOurs } from './ours.mjs';
import { openPeer } from './peer.mjs';
import { scratchFolder } from './scratch.mjs';

/** This SDK, the peer and the bare socket, each on a native daemon of its own, and a folder that all of them use. */
export async function withNativeTrio(work) {
  const { folder, remove } = await scratchFolder();
  const daemons = [await startDaemon(folder), await startDaemon(folder)];
  const ours = await openOurs({ socket: daemons[0].socket });
  const bare = await openBare(daemons[1].socket);
  const peer = await openPeer({ native: true });
  try {
    await work({ folder, ours, peer, bare });
  } finally {
    bare.close();
    await Promise.allSettled([ours.close(), peer.close()]);
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    remove();
  }
}
