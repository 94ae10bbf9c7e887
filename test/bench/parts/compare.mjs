import { Bench } from 'tinybench';

/**
 * Measures contenders in turns, so that a slow moment of the machine meets all of them, and gives each one's median.
 *
 * A contender does its work and returns the milliseconds it took.
 */
export async function medians(contenders, rounds) {
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const bench = new Bench({
      iterations: 1,
      time: 0,
      warmup: round === 0,
      warmupIterations: 1,
      warmupTime: 0,
      throws: true,
    });
    for (const [name, work] of Object.entries(contenders)) {
      bench.add(name, async () => {
        const overriddenDuration = await work();
        samples[name].push(overriddenDuration);
        return { overriddenDuration };
      });
    }
    await bench.run();
  }
  return Object.fromEntries(Object.entries(samples).map(([name, times]) => [name, median(times)]));
}

function median(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const round = (value) => Number(value.toPrecision(4));

/** A line for times, the shorter the better, given for `count` calls; in microseconds a call, or milliseconds. */
export function timeLine(name, { ours, peer, limit }, count = 1) {
  const unit = count > 1 ? 'µs' : 'ms';
  const scale = count > 1 ? 1000 / count : 1;
  const line = { case: name, ours: round(ours * scale), peer: round(peer * scale), unit, ratio: round(peer / ours) };
  return limit === undefined ? line : { ...line, limit: round(limit * scale), ofLimit: round(limit / ours) };
}

/** A line for throughput, from the times that some bytes took. */
export function throughputLine(name, { ours, peer, limit }, size) {
  const speed = (ms) => round(size / 1e6 / (ms / 1000));
  const line = { case: name, ours: speed(ours), peer: speed(peer), unit: 'MB/s', ratio: round(peer / ours) };
  return limit === undefined ? line : { ...line, limit: speed(limit), ofLimit: round(limit / ours) };
}
