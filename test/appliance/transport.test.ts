import { afterAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { connectUnix, SocketTransport } from '@guestfs/core';
import { greet } from '@guestfs/attach/internal';
import { ApplianceListener } from '../../packages/core/src/appliance/boot/listener.js';
import { describeTransport, until } from '../compliance/transport-contract.js';
import { AppliancePorts, type PortKind } from '../support/appliance-ports.js';

jest.setTimeout(300_000);

/** As a launch does: this library listens, qemu connects, and what is accepted is the transport. */
const launched: PortKind = {
  chardev: '',
  async prepare(path) {
    const listener = await ApplianceListener.listen(path);
    return {
      async open(_peer, relay) {
        const socket = await listener.accepted;
        await relay();
        return new SocketTransport(socket, 'appliance');
      },
      close() {
        void listener.accepted.then((socket) => socket.destroy());
        listener.close();
      },
    };
  },
};

/** As `unix:PATH` does with a virtual machine: qemu listens, and what is behind the port is greeted. */
const attached: PortKind = {
  chardev: ',server=on,wait=off',
  async prepare(path) {
    return {
      async open(peer, relay) {
        const transport = await connectUnix(path);
        await relay();
        peer.send(Buffer.from('f5f55ff5', 'hex'));
        return greet(transport, { timeout: 60_000, signal: new AbortController().signal, patience: 60_000 });
      },
      close: () => undefined,
    };
  },
};

const machines = new Map<PortKind, AppliancePorts>();
afterAll(async () => {
  for (const machine of machines.values()) await machine[Symbol.asyncDispose]();
});

async function machineOf(kind: PortKind): Promise<AppliancePorts> {
  const last = machines.get(kind);
  if (last?.spent === false) return last;
  machines.delete(kind);
  await last?.[Symbol.asyncDispose]();
  const machine = await AppliancePorts.boot(kind);
  machines.set(kind, machine);
  return machine;
}

describe.each([
  ['a booted appliance', launched],
  ['a virtual machine that was attached to', attached],
])('the socket of %s', (_, kind) => {
  // Some tests end the machine. The next one is not to pay for that with its own time.
  beforeEach(async () => void (await machineOf(kind)));

  describeTransport('it', async () => (await machineOf(kind)).pair());

  test('ends once when qemu is killed in the middle of a transfer', async () => {
    const machine = await machineOf(kind);
    const { transport, peer } = await machine.pair();
    const ends: (Error | undefined)[] = [];
    let size = 0;
    transport.start({ data: (bytes) => (size += bytes.length), end: (why) => ends.push(why) });
    peer.send(Buffer.alloc(4_000_000));
    await until(() => size > 100_000, 'the first of the bytes');
    for (let i = 0; i < 20; i++) transport.write(Buffer.alloc(100_000));
    process.kill(machine.pid, 'SIGKILL');
    await until(() => ends.length > 0, 'the end');
    const heard = size;
    transport.write(Buffer.from('late'));
    await transport.close();
    expect([ends.length, size]).toEqual([1, heard]);
    // Bytes that qemu had not read yet make the kernel tell of a reset.
    if (ends[0] !== undefined) expect(ends[0]).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) });
  });
});
