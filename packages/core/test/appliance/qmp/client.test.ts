import { expect, test } from '@jest/globals';
import { Duplex } from 'node:stream';
import { GuestfsError } from '../../../src/protocol/errors.js';
import { QmpClient } from '../../../src/appliance/qmp/client.js';

/** The other end of a QMP connection: keeps what was sent, and says what it is told to. */
class FakeQemu extends Duplex {
  readonly received: { execute: string; arguments?: unknown; id: number }[] = [];
  answer: (command: { execute: string; id: number }) => string | null = ({ id }) => JSON.stringify({ return: {}, id });

  override _read(): void {
    // Everything is pushed.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const line of chunk.toString().trim().split('\n')) {
      const command = JSON.parse(line) as { execute: string; id: number };
      this.received.push(command);
      const answer = this.answer(command);
      if (answer !== null) this.say(answer);
    }
    done();
  }

  say(line: string): void {
    this.push(`${line}\r\n`);
  }
}

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}';

async function open(qemu: FakeQemu): Promise<QmpClient> {
  // Cut in the middle: a message need not come at once.
  qemu.push(GREETING.slice(0, 20));
  setImmediate(() => qemu.say(GREETING.slice(20)));
  const { client, version } = await QmpClient.open(qemu);
  expect(version).toMatchObject({ major: 7, minor: 2 });
  return client;
}

test('commands get the answer with their number, in whatever order answers come', async () => {
  const qemu = new FakeQemu();
  const client = await open(qemu);
  const held: number[] = [];
  qemu.answer = ({ id }) => {
    held.push(id);
    return null;
  };
  const first = client.execute('query-status', { a: 1 });
  const second = client.execute('query-kvm');
  await new Promise((resolve) => setImmediate(resolve));
  for (const id of held.reverse()) qemu.say(JSON.stringify({ return: `answer ${id}`, id }));
  expect([await first, await second]).toEqual(['answer 2', 'answer 3']);
  expect(qemu.received[1]).toEqual({ execute: 'query-status', arguments: { a: 1 }, id: 2 });
});

test('a refusal rejects with the words of qemu', async () => {
  const qemu = new FakeQemu();
  const client = await open(qemu);
  qemu.answer = ({ id }) => JSON.stringify({ id, error: { class: 'GenericError', desc: 'Device not found' } });
  await expect(client.execute('device_del')).rejects.toThrow('qemu refused device_del: Device not found');
});

test('an event reaches those who wait for it, once, and only when it is the one', async () => {
  const qemu = new FakeQemu();
  const client = await open(qemu);
  const wanted = client.event(({ name, data }) => name === 'MIGRATION' && data['status'] === 'completed');
  qemu.say('{"timestamp": {"seconds": 1}, "event": "MIGRATION", "data": {"status": "active"}}');
  qemu.say('{"timestamp": {"seconds": 1}, "event": "RESUME"}');
  qemu.say('{"timestamp": {"seconds": 2}, "event": "MIGRATION", "data": {"status": "completed"}}');
  expect((await wanted).data).toEqual({ status: 'completed' });
});

test('the end rejects what waits and what comes later', async () => {
  const qemu = new FakeQemu();
  const client = await open(qemu);
  qemu.answer = () => null;
  const command = client.execute('stop');
  const event = client.event(() => true);
  qemu.destroy();
  for (const late of [command, event, client.execute('cont'), client.event(() => true)]) {
    await expect(late).rejects.toMatchObject({ code: 'ERR_GUESTFS_QEMU_EXITED' });
  }
});

test.each(['no json', '{"neither": 1}', '[]'])('%s ends the connection with a protocol error', async (line) => {
  const qemu = new FakeQemu();
  const client = await open(qemu);
  qemu.answer = () => null;
  const command = client.execute('stop');
  qemu.say(line);
  const error = await command.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(GuestfsError.is(error) && GuestfsError.is(error.cause) && error.cause.code).toBe('ERR_GUESTFS_PROTOCOL');
});

test('a line without an end does not fill the memory', async () => {
  const qemu = new FakeQemu();
  const client = await open(qemu);
  qemu.answer = () => null;
  const command = client.execute('stop');
  qemu.push(Buffer.alloc(5 * 1024 * 1024, 'x'));
  await expect(command).rejects.toMatchObject({ code: 'ERR_GUESTFS_QEMU_EXITED' });
});
