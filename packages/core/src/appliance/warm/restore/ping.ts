import type { Socket } from 'node:net';
import { HEADER_OFFSET } from '../../../protocol/wire/constants.js';
import { FrameDecoder } from '../../../protocol/wire/frames.js';
import { pingFrame } from '../../../protocol/wire/ping.js';

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
      frame: (bytes, start) => (bytes.readUInt32BE(start + HEADER_OFFSET.serial) === SERIAL ? done() : surprise()),
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
    socket.write(pingFrame(SERIAL));
  });
}
