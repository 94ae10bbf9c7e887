import type { TskDirent, YaraDetection } from '@guestfs/core';
import { procedures, structs } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';
import { fetchStructs } from '../files/struct-stream.js';

export const filesystemWalk = (run: Run, device: string): Promise<TskDirent[]> =>
  fetchStructs<TskDirent>(run, procedures.internalFilesystemWalk, [device], structs.tskDirent);

export const findInode = (run: Run, device: string, inode: bigint | number): Promise<TskDirent[]> =>
  fetchStructs<TskDirent>(run, procedures.internalFindInode, [device, inode], structs.tskDirent);

export const yaraScan = (run: Run, path: string): Promise<YaraDetection[]> =>
  fetchStructs<YaraDetection>(run, procedures.internalYaraScan, [path], structs.yaraDetection);
