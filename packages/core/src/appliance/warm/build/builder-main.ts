import { constants, setPriority } from 'node:os';
import { LineReader } from '../../process/line-reader.js';
import type { BackgroundTask } from './background.js';
import { after } from '../../../waiting/within.js';
import { prepareTemplate } from './prepare.js';

/** The program that makes a template in the background: one task on its input, whose end tells it to give up. */
const giveUp = new AbortController();
/** How long it may take, in milliseconds. */
const LIMIT = 30 * 60_000;
const withdraw = after(LIMIT, () => giveUp.abort(new Error(`the template was not made within ${LIMIT} ms`)));

const reader = new LineReader((line) => void make(JSON.parse(line) as BackgroundTask), 1024 * 1024);
process.stdin.on('data', (bytes: Buffer) => reader.add(bytes));
process.stdin.on('end', () => giveUp.abort(new Error('the process that wanted the template is gone')));

async function make(task: BackgroundTask): Promise<void> {
  if (!task.urgent) setPriority(constants.priority.PRIORITY_LOW);
  try {
    await prepareTemplate({ ...task, signal: giveUp.signal, log: () => undefined });
  } catch {
    // Nobody listens; the next launch, which is cold, starts another attempt.
    process.exitCode = 1;
  }
  withdraw();
  process.stdin.destroy();
}
