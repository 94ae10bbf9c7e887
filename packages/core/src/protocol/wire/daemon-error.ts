import type { Reader } from '../xdr/reader.js';
import { ERRNO_MAX, ERROR_MESSAGE_MAX } from './constants.js';

/** A failure as the daemon tells it. */
export interface DaemonError {
  /** The errno's name (`ENOENT`), empty where there is none. */
  readonly errno: string;
  readonly message: string;
}

export function readDaemonError(reader: Reader): DaemonError {
  reader.at('error.errno');
  const errno = reader.string(ERRNO_MAX);
  reader.at('error.message');
  const message = reader.string(ERROR_MESSAGE_MAX);
  reader.finish();
  return { errno, message };
}
