import { DIRECTION_CALL, HEADER_SIZE, LENGTH_SIZE, PROGRAM, PROTOCOL_VERSION } from './constants.js';
import type { DIRECTION_REPLY } from './constants.js';
import type { Procedure } from './descriptors.js';

/** The call that does nothing: answered by any daemon that lives. */
export const PING: Procedure<void> = { name: 'pingDaemon', proc: 92, args: [], optargs: [], returns: { kind: 'void' } };

/** A ping, or with `DIRECTION_REPLY` the answer to one, as it is on the wire: it has no arguments and no result. */
export function pingFrame(
  serial: number,
  direction: typeof DIRECTION_CALL | typeof DIRECTION_REPLY = DIRECTION_CALL,
): Buffer {
  const frame = Buffer.alloc(LENGTH_SIZE + HEADER_SIZE);
  const words = [HEADER_SIZE, PROGRAM, PROTOCOL_VERSION, PING.proc, direction, serial];
  words.forEach((word, i) => frame.writeUInt32BE(word, i * 4));
  return frame;
}
