import { performance } from 'node:perf_hooks';
import { replayedQuickstart } from './recorded.mjs';

const start = performance.now();
process.exitCode = await replayedQuickstart();
console.log(`\nThe whole of it, without qemu: ${Math.round(performance.now() - start)} ms`);
