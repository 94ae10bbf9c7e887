import { Guestfs, recordSession } from 'guestfs';
import { quickstart } from './quickstart.mjs';
import { fixed, recording } from './recorded.mjs';

// Needs qemu and the appliance, once.
const g = new Guestfs();
// The folder is sent as an archive, which holds the times of the files.
const { finished } = recordSession(g, recording, { compareUploads: false });
process.exitCode = await quickstart({ g, ...fixed });
const { calls } = await finished;
console.log(`\nRecorded ${calls} calls in ${recording}`);
