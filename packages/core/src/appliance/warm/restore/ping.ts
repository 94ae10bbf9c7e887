import type { Socket } from 'node:net';
import { DIRECTION_CALL, HEADER_SIZE, PING, PROGRAM, PROTOCOL_VERSION } from '../../../protocol/wire/constants.js';
import { FrameDecoder } from '../../../protocol/wire/frames.js';

/** Far from the serials of a connection, which go up from zero. */
const SERIAL = 0x70000000;

/**
 * Asks the daemon at a socket for a sign of life, before a connection takes the socket over: no call of the connection,
 * so that a session is the same however its machine was started. Rejects when the socket ends.
 */
export function pingDaemon(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error): void => {
      socket.off('data', read);
      socket.off('error', done);
      socket.off('close', ended);
      if (error === undefined) resolve();
      else reject(error);
    };
    const ended = (): void => done(new Error('the daemon closed the connection'));
    const surprise = (): void => done(new Error('the daemon answered a ping with something else'));
    const decoder = new FrameDecoder({
      frame: (bytes, start) => (bytes.readUInt32BE(start + 16) === SERIAL ? done() : surprise()),
      progress: surprise,
      launched: surprise,
      cancelled: surprise,
    });
    const read = (bytes: Buffer): void => {
      try {
        decoder.push(bytes);
      } catch (error) {
        done(error as Error);
      }
    };
    socket.on('data', read);
    socket.on('error', done);
    socket.on('close', ended);
    const call = Buffer.alloc(4 + HEADER_SIZE);
    const words = [HEADER_SIZE, PROGRAM, PROTOCOL_VERSION, PING.proc, DIRECTION_CALL, SERIAL];
    words.forEach((word, index) => call.writeUInt32BE(word, index * 4));
    socket.write(call);
  });
}
