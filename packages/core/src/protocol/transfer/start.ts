import type { PendingCall } from '../calls/call.js';
import type { ConnectionCallOptions } from '../connection/options.js';
import { GuestfsError } from '../errors.js';
import { ByteProgress } from './byte-progress.js';
import { Download } from './download.js';
import type { Transfer } from './transfer.js';
import { Upload } from './upload.js';

/** The file part of a call, null where it moves none. Throws where the bytes have no source, or no target. */
export function transferOf(call: PendingCall, options: ConnectionCallOptions | undefined): Transfer | null {
  const { transfer } = call.procedure;
  if (transfer === undefined) return null;
  const progress = options?.countBytes === true ? new ByteProgress(call, options.size) : null;
  call.countsBytes = progress !== null;
  if (transfer === 'in') {
    if (options?.source !== undefined) return new Upload(call, options.source, progress);
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', 'the bytes to send are missing', { hint: 'pass a source' });
  }
  if (options?.sink !== undefined) return new Download(call, options.sink, progress, options.sinkBorrows === true);
  throw new GuestfsError('ERR_GUESTFS_NO_TARGET', 'nothing takes the bytes', {
    hint: 'pass a sink, or use download()',
  });
}
