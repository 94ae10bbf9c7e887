import { fileURLToPath } from 'node:url';
import { Guestfs } from 'guestfs';
import { quickstart } from './quickstart.mjs';

export const recording = fileURLToPath(new URL('recordings/quickstart.gfr', import.meta.url));

/** What must be the same whenever the recording is replayed. */
export const fixed = { size: 64 * 1024, documents: fileURLToPath(new URL('sample/docs', import.meta.url)) };

/** Runs the quickstart on its recording. Resolves with the exit status. */
export function replayedQuickstart() {
  const g = new Guestfs();
  g.setBackend(`replay:${recording}`);
  return quickstart({ g, ...fixed });
}
