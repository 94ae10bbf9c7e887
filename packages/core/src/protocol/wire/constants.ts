import type { Procedure } from './descriptors.js';

/** The numbers of the daemon's protocol, version 4. */
export const PROGRAM = 0x2000f5f5;
export const PROTOCOL_VERSION = 4;
export const DIRECTION_CALL = 0;
export const DIRECTION_REPLY = 1;
export const STATUS_OK = 0;
export const STATUS_ERROR = 1;

/** The longest message or chunk, in bytes, without its length word. */
export const MESSAGE_MAX = 4 * 1024 * 1024;
/** The most data in one file chunk, in bytes. */
export const CHUNK_MAX = 8192;
export const ERRNO_MAX = 32;
export const ERROR_MESSAGE_MAX = 64 * 1024;

/** Words that stand in place of a frame's length. */
export const LAUNCH_FLAG = 0xf5f55ff5;
export const CANCEL_FLAG = 0xffffeeee;
export const PROGRESS_FLAG = 0xffff5555;

/** The length of a progress frame after its flag. */
export const PROGRESS_SIZE = 24;
export const HEADER_SIZE = 40;

/** The call that does nothing: answered by any daemon that lives. */
export const PING: Procedure<void> = { name: 'pingDaemon', proc: 92, args: [], optargs: [], returns: { kind: 'void' } };
