import { afterEach, describe, expect, test } from '@jest/globals';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createSocketServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { Duplex, PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import { createEvent, EVENT_NAMES, forwardEvents, GUESTFS_EVENT, GuestfsEmitter, receiveEvents } from '../src/index.js';
import type { EventPort } from '../src/index.js';
import { collect, countedSignal, oneOfEach, plain, progress, turn, until } from './helpers.js';
import { FakeWebSocket } from './websocket.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const total = (emitter: GuestfsEmitter) => EVENT_NAMES.reduce((sum, name) => sum + emitter.listenerCount(name), 0);

function messageChannel() {
  const { port1, port2 } = new MessageChannel();
  cleanups.push(() => port1.close());
  return [port1, port2] as const;
}

async function sockets(): Promise<[Socket, Socket]> {
  const server = createSocketServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [Socket];
  cleanups.push(
    () => client.destroy(),
    () => peer.destroy(),
    () => server.close(),
  );
  return [client, peer];
}

const channels: [string, () => Promise<readonly [EventPort, EventPort]>][] = [
  ['a MessagePort', async () => messageChannel()],
  ['a socket', sockets],
  ['a WebSocket', async () => FakeWebSocket.pair()],
];

describe.each(channels)('over %s', (_kind, open) => {
  test('every class arrives as it was, and the end with close', async () => {
    const [near, far] = await open();
    const emitter = new GuestfsEmitter();
    const forwarding = forwardEvents(emitter, near);
    const remote = receiveEvents(far);
    for (const event of oneOfEach()) emitter.dispatch(event);
    expect((await collect(remote)).map(plain)).toEqual(oneOfEach().map(plain));
    await forwarding.finished;
    expect([forwarding.sent, forwarding.dropped, total(emitter)]).toEqual([oneOfEach().length, 0, 0]);
  });

  test('stop() sends what is queued, then the end', async () => {
    const [near, far] = await open();
    const emitter = new GuestfsEmitter();
    const forwarding = forwardEvents(emitter, near, { mask: GUESTFS_EVENT.LIBRARY });
    const remote = receiveEvents(far);
    for (let i = 0; i < 1000; i++) emitter.dispatch(createEvent.library(`${i}`));
    emitter.dispatch(createEvent.trace('not asked for'));
    const stopped = forwarding.stop();
    expect(total(emitter)).toBe(0);
    expect(await collect(remote)).toHaveLength(1000);
    await stopped;
  });

  test('an abort of the receiver rejects and leaves no handler', async () => {
    const [near, far] = await open();
    forwardEvents(new GuestfsEmitter(), near);
    const { controller, signal, count } = countedSignal();
    const remote = receiveEvents(far, { signal });
    const waiting = remote.next();
    controller.abort('enough');
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'enough' });
    expect(count()).toBe(0);
  });

  test('an abort of the sender ends both at once', async () => {
    const [near, far] = await open();
    const emitter = new GuestfsEmitter();
    const { controller, signal, count } = countedSignal();
    const forwarding = forwardEvents(emitter, near, { signal });
    const remote = receiveEvents(far);
    await turn();
    controller.abort();
    await forwarding.finished;
    expect([total(emitter), count()]).toEqual([0, 0]);
    expect(await collect(remote)).toEqual([]);
  });
});

describe.each(channels.filter(([kind]) => kind !== 'a socket'))('over %s, which goes both ways', (_kind, open) => {
  test('a reader that reads nothing costs bounded memory and learns what it missed', async () => {
    const [near, far] = await open();
    const emitter = new GuestfsEmitter();
    const forwarding = forwardEvents(emitter, near, { capacity: 100 });
    const remote = receiveEvents(far);
    for (let i = 0; i < 2000; i++) {
      emitter.dispatch(createEvent.library(`${i}`));
      emitter.dispatch(createEvent.progress(progress(BigInt(i), 2000n)));
      if (i % 10 === 0) await turn();
    }
    emitter.dispatch(createEvent.progress(progress(2000n, 2000n)));
    emitter.dispatch(createEvent.close());
    const events = await collect(remote);
    await forwarding.finished;
    const lines = events.filter((e) => e.type === 'library').map((e) => Number(e.text));
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
    expect(lines.at(-1)).toBe(1999);
    expect(forwarding.dropped).toBeGreaterThan(0);
    expect(remote.dropped).toBe(forwarding.dropped);
    expect(lines.length + forwarding.dropped).toBe(2000);
    expect(events.filter((e) => e.type === 'progress').at(-1)?.done).toBe(true);
  });

  test('break tells the sender to stop', async () => {
    const [near, far] = await open();
    const emitter = new GuestfsEmitter();
    const forwarding = forwardEvents(emitter, near);
    emitter.dispatch(createEvent.trace('x'));
    for await (const _ of receiveEvents(far)) break;
    await forwarding.finished;
    expect(total(emitter)).toBe(0);
  });
});

describe('when the channel goes', () => {
  test('a port that closes loses the connection for the reader, and the sender stops', async () => {
    const [near, far] = messageChannel();
    const emitter = new GuestfsEmitter();
    const forwarding = forwardEvents(emitter, near);
    const remote = receiveEvents(far);
    emitter.dispatch(createEvent.trace('x'));
    expect((await remote.next()).value?.text).toBe('x');
    near.close();
    await expect(remote.next()).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    await forwarding.finished;
    expect(total(emitter)).toBe(0);
  });

  test('a socket that is reset does the same', async () => {
    const [near, far] = await sockets();
    const emitter = new GuestfsEmitter();
    const forwarding = forwardEvents(emitter, near);
    const remote = receiveEvents(far);
    near.resetAndDestroy();
    await expect(remote.next()).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    await forwarding.finished;
    expect(total(emitter)).toBe(0);
  });

  test.each<[string, () => EventPort]>([
    ['a destroyed stream', () => new PassThrough().destroy()],
    ['a closed WebSocket', () => Object.assign(new FakeWebSocket(), { readyState: 3 })],
    ['a disconnected child', () => Object.assign(new EventEmitter(), { connected: false, send: () => false })],
  ])('%s is told apart from one that is silent', async (_what, gone) => {
    const forwarding = forwardEvents(new GuestfsEmitter(), gone());
    await expect(receiveEvents(gone()).next()).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    await forwarding.finished;
  });

  test('what comes and is no event is an error, once', async () => {
    const stream = new PassThrough();
    const remote = receiveEvents(stream);
    stream.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    await expect(remote.next()).rejects.toMatchObject({ code: 'ERR_GUESTFS_PROTOCOL' });
    expect(await remote.next()).toEqual({ value: undefined, done: true });
    stream.write('more');
  });

  test.each([[{}], [null], [{ write: 1 }]])('%p is refused as a channel, and nobody listens', (port) => {
    const emitter = new GuestfsEmitter();
    expect(() => forwardEvents(emitter, port as never)).toThrow();
    expect(() => receiveEvents(port as never)).toThrow();
    expect(total(emitter)).toBe(0);
  });
});

test('messages of others on the same port are left alone', async () => {
  const [near, far] = messageChannel();
  const emitter = new GuestfsEmitter();
  forwardEvents(emitter, near);
  const remote = receiveEvents(far);
  for (const message of ['text', null, 7, { data: 1 }, new Uint8Array([1, 2])]) near.postMessage(message);
  emitter.dispatch(createEvent.close());
  expect((await collect(remote)).map((e) => e.type)).toEqual(['close']);
});

test('a stream that takes no more is not written to until it drains', async () => {
  let written = 0;
  let drain = (): void => undefined;
  const slow = new Duplex({
    highWaterMark: 100,
    read: () => undefined,
    write(chunk: Buffer, _encoding, callback) {
      written += chunk.length;
      drain = callback;
    },
  });
  const emitter = new GuestfsEmitter();
  const forwarding = forwardEvents(emitter, slow, { capacity: 10 });
  for (let i = 0; i < 200; i++) {
    emitter.dispatch(createEvent.appliance(Buffer.alloc(50)));
    await turn();
  }
  expect(written).toBeLessThan(400);
  expect(slow.writableLength).toBeLessThan(400);
  expect(forwarding.dropped).toBeGreaterThan(150);
  const stopped = forwarding.stop();
  const draining = setInterval(() => drain(), 1);
  await stopped;
  clearInterval(draining);
  slow.destroy();
});

test('the body of an HTTP response carries events, and leaving cancels it', async () => {
  const emitter = new GuestfsEmitter();
  const server = createServer((_request, response) => void forwardEvents(emitter, response)).listen(0, '127.0.0.1');
  cleanups.push(() => (server.closeAllConnections(), server.close()));
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  emitter.dispatch(createEvent.progress(progress(50n)));
  for await (const event of receiveEvents(response.body!)) {
    expect(event.type === 'progress' && event.fraction).toBe(0.5);
    break;
  }
  await until(() => total(emitter) === 0);
});

test('an async iterable of bytes is read no faster than its reader', async () => {
  const stream = new PassThrough();
  const emitter = new GuestfsEmitter();
  const forwarding = forwardEvents(emitter, stream, { capacity: Infinity });
  for (let i = 0; i < 5000; i++) emitter.dispatch(createEvent.library(`${i}`));
  void forwarding.stop();
  let chunks = 0;
  async function* source(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream as Readable) {
      chunks++;
      yield chunk as Uint8Array;
    }
  }
  const remote = receiveEvents(source());
  for (let i = 0; i < 50; i++) await turn();
  expect(chunks).toBeLessThan(20);
  expect(await collect(remote)).toHaveLength(5000);
});

describe('another process or thread', () => {
  const script = fileURLToPath(new URL('./fixtures/emits-three.mjs', import.meta.url));
  const sources = fileURLToPath(new URL('../src/index.ts', import.meta.url));
  const openers: [string, () => ChildProcess | Worker][] = [
    ['a child process with IPC', () => fork(script, [sources], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })],
    ['a worker', () => new Worker(script, { argv: [sources] })],
  ];

  test.each(openers)('%s sends its events and may then exit', async (_kind, open) => {
    const other = open();
    cleanups.push(() => (other instanceof Worker ? other.terminate() : other.kill()));
    const events = await collect(receiveEvents(other));
    expect(events.map((e) => e.type)).toEqual(['progress', 'appliance', 'close']);
    expect(events[0]).toMatchObject({ position: 2n ** 63n, total: 2n ** 64n - 1n });
    expect([...events[1]!.buffer]).toEqual([0, 255]);
    expect(other.listenerCount('message')).toBe(0);
  });
});
