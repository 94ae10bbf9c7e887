import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createEvent, GuestfsEmitter, makeProgress } from '@guestfs/events';
import { medians } from '../parts/compare.mjs';

export const about =
  'progress events through the emitter and one iterator whose reader keeps up; memory after a collection';

/** After so many events the reader gets its turn. */
const BURST = 100;

const CASES = [
  { name: 'newest only (the default)', options: {} },
  { name: 'every event (drop-oldest)', options: { overflow: 'drop-oldest' } },
];

export async function run({ quick, report }) {
  const count = quick ? 20_000 : 1_000_000;
  const rounds = quick ? 1 : 5;
  for (const { name, options } of CASES) {
    let grown = 0;
    let processor = Infinity;
    const { ours } = await medians(
      {
        ours: async () => {
          const result = await pass(count, options);
          grown = Math.max(grown, result.grown);
          processor = Math.min(processor, result.processor);
          return result.milliseconds;
        },
      },
      rounds,
    );
    report({ case: `${count} events, ${name}`, ours: Math.round(ours), peer: '', unit: 'ms', ratio: '' });
    report({ case: `  processor time of the best`, ours: Math.round(processor), peer: '', unit: 'ms', ratio: '' });
    report({ case: `  heap grown by at most`, ours: Math.round(grown / 1024), peer: '', unit: 'KiB', ratio: '' });
  }
}

/** Passes the events of one call on, and measures the heap after the first tenth of them and after the last. */
async function pass(count, options) {
  const emitter = new GuestfsEmitter();
  const iterator = emitter.events('progress', options);
  let read = 0;
  let last = 0n;
  const reading = (async () => {
    for await (const { position } of iterator) {
      read += 1;
      last = position;
    }
  })();
  const total = BigInt(count);
  let before = 0;
  let paused = 0;
  const started = performance.now();
  const processorBefore = process.cpuUsage();
  for (let at = 1; at <= count; at += 1) {
    const progress = makeProgress({ operation: 'zero', proc: 1, serial: 1, position: BigInt(at), total });
    emitter.dispatch(createEvent.progress(progress));
    if (at % BURST === 0) while (iterator.superseded + read < at) await Promise.resolve();
    if (at === count / 10) {
      const pause = performance.now();
      before = heapUsed();
      paused = performance.now() - pause;
    }
  }
  const milliseconds = performance.now() - started - paused;
  const { user, system } = process.cpuUsage(processorBefore);
  const grown = heapUsed() - before;
  emitter.endEvents();
  await reading;
  if (last !== total || iterator.dropped > 0) throw new Error(`the last event read was ${last}, and some were lost`);
  return { milliseconds, processor: (user + system) / 1000, grown };
}

function heapUsed() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
