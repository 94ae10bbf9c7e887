import { performance } from 'node:perf_hooks';

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

export function printSummary() {
  console.log('\nWhat took how long:');
  for (const { title, seconds } of steps.splice(0)) console.log(`  ${seconds.toFixed(2).padStart(7)} s  ${title}`);
}
