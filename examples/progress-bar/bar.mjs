import cliProgress from 'cli-progress';

const WIDTH = 32;

/** Draws a filled bar, or in pulse mode, where nobody knows how far a call is, a block that wanders. */
function draw(_options, { value }, { label, pulse, beats, phase }) {
  const head = `  ${label.padEnd(22)} `;
  if (pulse) {
    const at = beats % (WIDTH - 6);
    return `${head}[${'-'.repeat(at)}######${'-'.repeat(WIDTH - 6 - at)}] working`;
  }
  const filled = Math.round((value / 100) * WIDTH);
  return `${head}[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${String(Math.round(value)).padStart(3)} % ${phase}`;
}

/**
 * Shows an operation's progress on the terminal until it ends, and resolves with its result.
 *
 * The loop ends when the call ends and throws if it fails, so there is nothing to unsubscribe.
 */
export async function withBar(label, operation) {
  const bar = new cliProgress.SingleBar({
    format: draw,
    hideCursor: true,
    clearOnComplete: true,
    noTTYOutput: true,
    notTTYSchedule: 1000,
  });
  let beats = 0;
  bar.start(100, 0, { label, pulse: false, beats, phase: '' });
  try {
    for await (const progress of operation.progress()) {
      beats += 1;
      const pulse = progress.fraction === null;
      bar.update(pulse ? 0 : progress.fraction * 100, { label, pulse, beats, phase: progress.phase ?? '' });
    }
    bar.update(100, { label, pulse: false, beats, phase: 'done' });
  } finally {
    bar.stop();
  }
  return await operation;
}
