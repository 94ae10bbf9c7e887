import { fileURLToPath } from 'node:url';
import { Guestfs, recordSession } from 'guestfs';
import { publishAndReport } from './site.mjs';
import { pages } from './pages.mjs';

// Needs qemu and the appliance, once: the tests then need neither.
const file = fileURLToPath(new URL('recordings/site.gfr', import.meta.url));
const g = new Guestfs();
const recording = recordSession(g, file);
console.log(await publishAndReport(g, pages));
await g.close();
const { calls, secretsLeftOut } = await recording.finished;
console.log(`Recorded ${calls} calls in ${file}; left out: ${secretsLeftOut.join(', ') || 'nothing'}`);
