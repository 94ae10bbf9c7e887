import { GuestfsError } from '@guestfs/core';
import type { Run } from '../../call/run.js';

/** Makes a function of what cannot be had in Node; it rejects with the way that can. */
function unsupported(reason: string, hint: string): (run: Run, ...args: readonly unknown[]) => Promise<never> {
  return (run) => Promise.reject(new GuestfsError('ERR_GUESTFS_UNSUPPORTED', reason, { operation: run.name, hint }));
}

const noFuse = unsupported(
  'Node has no FUSE to mount the guest on the host',
  'use `g.fs`, the guest as node:fs/promises',
);

export const mountLocal = noFuse;
export const mountLocalRun = noFuse;
export const umountLocal = noFuse;

export const cPointer = unsupported('there is no C handle here', 'pass the Guestfs object itself');

export const addLibvirtDom = unsupported(
  'a pointer of the C library of libvirt cannot be used here',
  'call `addDomain` with the name or UUID of the domain',
);
