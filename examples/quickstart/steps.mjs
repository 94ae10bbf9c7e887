import { performance } from 'node:perf_hooks';
import cliProgress from 'cli-progress';

const steps = [];

/** Runs one step, prints its result, and keeps its time for the summary. */
export async function step(title, work) {
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  steps.push({ title, seconds });
  console.log(`✔ ${title}${typeof result === 'string' ? `: ${result}` : ''}`);
  return result;
}

/** Shows an operation's progress as a bar until it ends, and returns its result. */
export async function withBar(label, operation) {
  const bar = new cliProgress.SingleBar(
    { format: `  ${label.padEnd(22)} {bar} {percentage}%`, clearOnComplete: true, hideCursor: true, noTTYOutput: true, notTTYSchedule: 1000 },
    cliProgress.Presets.shades_classic,
  );
  bar.start(100, 0);
  try {
    for await (const progress of operation.progress()) {
      bar.update(progress.fraction === null ? 0 : Math.round(progress.fraction * 100));
    }
    bar.update(100);
    return await operation;
  } finally {
    bar.stop();
  }
}

export function printSummary() {
  console.log('\nWhat took how long:');
  for (const { title, seconds } of steps) console.log(`  ${seconds.toFixed(2).padStart(7)} s  ${title}`);
}
