import { createEvent, GuestfsEmitter, makeProgress } from '@guestfs/events';
import type { EventsOptions } from '@guestfs/events';
import { Bench } from 'tinybench';

/**
 * A million progress events through the emitter and one iterator, as a reader sees them that keeps up.
 *
 * Prints the time of each and how much the heap grew from the first hundred thousand events to the last.
 */
const EVENTS = 1_000_000;
const BURST = 100;

async function run(options: EventsOptions): Promise<{ read: number; grown: number }> {
  const emitter = new GuestfsEmitter();
  const iterator = emitter.events('progress', options);
  let read = 0;
  let last = 0n;
  const reading = (async () => {
    for await (const event of iterator) {
      read++;
      last = event.position;
    }
  })();

  let before = 0;
  const total = BigInt(EVENTS);
  for (let at = 1; at <= EVENTS; at++) {
    const progress = makeProgress({ operation: 'zero', proc: 1, serial: 1, position: BigInt(at), total });
    emitter.dispatch(createEvent.progress(progress));
    if (at % BURST === 0) while (iterator.superseded + read < at) await Promise.resolve();
    if (at === EVENTS / 10) before = heapUsed();
  }
  const grown = heapUsed() - before;
  emitter.endEvents();
  await reading;
  if (last !== total) throw new Error(`the last event was ${last}, not ${total}`);
  return { read, grown };
}

/** After a collection where node runs with --expose-gc, else an upper bound. */
function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const bench = new Bench({ iterations: 3, time: 0, warmup: true, warmupIterations: 1, warmupTime: 0 });
const cases: [string, EventsOptions][] = [
  ['newest only (the default for progress)', {}],
  ['every event (overflow: drop-oldest)', { overflow: 'drop-oldest' }],
];
const results = new Map<string, Awaited<ReturnType<typeof run>>>();
for (const [name, options] of cases) {
  bench.add(name, async () => void results.set(name, await run(options)));
}
await bench.run();

for (const { name, result } of bench.tasks) {
  const seen = results.get(name);
  const time = 'latency' in result ? `${result.latency.mean.toFixed(0)} ms` : result.state;
  const grown = ((seen?.grown ?? 0) / 1024).toFixed(0);
  console.log(`${name}: ${EVENTS} events in ${time}, ${seen?.read ?? 0} read, heap grew by ${grown} KiB`);
}
