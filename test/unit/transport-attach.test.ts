import { connectUnix, memoryTransports, type Transport } from '@guestfs/core';
import { greet, Player } from '@guestfs/attach/internal';
import { describeTransport, type TransportPeer } from '../compliance/transport-contract.js';
import { unixPeer } from '../support/unix-peer.js';

const FLAG = Buffer.from('f5f55ff5', 'hex');
const options = { timeout: 5_000, signal: new AbortController().signal, patience: 5_000 };

function peerOf(transport: Transport): TransportPeer {
  const parts: Buffer[] = [];
  let ended = false;
  transport.start({
    data: (bytes) => parts.push(Buffer.from(bytes)),
    end: () => (ended = true),
  });
  return {
    send: (bytes) => void transport.write(bytes),
    received: () => Buffer.concat(parts),
    stall: (stalled) => (stalled ? transport.pause() : transport.resume()),
    end: () => void transport.close(),
    ended: () => ended,
    dispose: () => transport.destroy(),
  };
}

describeTransport('a greeted transport', async () => {
  const [here, there] = memoryTransports();
  const peer = peerOf(there);
  peer.send(FLAG);
  return { transport: await greet(here, options), peer };
});

describeTransport('a greeted Unix socket', async () => {
  const peer = await unixPeer();
  const transport = await connectUnix(peer.path);
  peer.send(FLAG);
  return { transport: await greet(transport, options), peer };
});

/** The two ends that a replay is made of, with the reading of calls replaced by the suite's own. */
class DeafPlayer extends Player {
  readonly parts: Buffer[] = [];
  over = false;

  override data(bytes: Buffer): void {
    this.parts.push(Buffer.from(bytes));
  }

  override end(): void {
    this.over = true;
  }

  get far(): TransportPeer {
    return {
      send: (bytes) => void this.peer.write(bytes),
      received: () => Buffer.concat(this.parts),
      stall: (stalled) => (stalled ? this.peer.pause() : this.peer.resume()),
      end: () => void this.peer.close(),
      ended: () => this.over,
      dispose: () => this.peer.destroy(),
    };
  }
}

describeTransport('the transport of a replay', () => {
  const player = new DeafPlayer({ drives: [], compareUploads: true, calls: [], secrets: [] }, 'replay:test');
  return { transport: player.transport, peer: player.far };
});
