import { memoryTransports, type Transport } from '@guestfs/core';
import { describeTransport, type TransportPeer } from '../compliance/transport-contract.js';

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

describeTransport('the in-memory transport', () => {
  const [transport, far] = memoryTransports();
  return { transport, peer: peerOf(far) };
});
