import { GuestfsError } from '../errors.js';

/** Bytes that do not say what the protocol says they should, with the place where that was noticed. */
export function decodingError(message: string, offset: number, path: string): GuestfsError {
  const where = path === '' ? `at byte ${offset}` : `at byte ${offset}, field ${path}`;
  return new GuestfsError('ERR_GUESTFS_PROTOCOL', `malformed message: ${message} (${where})`, {
    hint: 'the peer is not a guestfs daemon of protocol version 4, or the connection was disturbed; connect anew',
  });
}

/** An argument that cannot be encoded: of the wrong type, or out of its range. */
export function argumentError(path: string, message: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', `argument ${path} ${message}`);
}

/** An argument with which the message would be longer than the protocol allows. */
export function tooLargeError(path: string, limit: number): GuestfsError {
  return new GuestfsError(
    'ERR_GUESTFS_MESSAGE_TOO_LARGE',
    `argument ${path} makes the message longer than the ${Math.floor(limit / 1024 ** 2)} MiB that the protocol allows`,
    { hint: 'pass less at a time, or send the data as a file (upload, download, tarIn)' },
  );
}
