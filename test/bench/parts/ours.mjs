import { Guestfs } from 'guestfs';

/** This SDK, launched: on the daemon behind a socket, or in a machine with these drives. */
export async function openOurs({ socket, drives = [] }) {
  const guestfs = new Guestfs();
  if (socket !== undefined) guestfs.setBackend(`unix:${socket}`);
  for (const drive of drives) guestfs.addDrive(drive, { format: 'raw' });
  await guestfs.launch();
  return guestfs;
}

/** Milliseconds that some work takes. */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
