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
/** The length of the word in front of a message that tells its length, or of the flag in its place. */
export const LENGTH_SIZE = 4;
/** Where the fields of a message's header lie, counted from the start of the message. */
export const HEADER_OFFSET = { procedure: 8, serial: 16, bitmask: 28, status: 36 } as const;
/** Where the fields of a progress frame lie, counted from what follows its flag. */
export const PROGRESS_OFFSET = { procedure: 0, serial: 4, position: 8, total: 16 } as const;
