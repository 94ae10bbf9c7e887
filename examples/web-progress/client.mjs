// Runs in the browser: events arrive over a WebSocket, and the loop ends when the job does.
import { ProgressRate, receiveEvents } from '@guestfs/events/receive';

const LONG_CALLS = ['launch', 'zeroDevice', 'checksumDevice'];
const PHASES = {
  start: 'building the appliance',
  applianceBuilt: 'starting the machine',
  kernelUp: 'booting',
  initRunning: 'starting the daemon',
  ready: 'ready',
};

const status = document.querySelector('#status');
const rate = new ProgressRate();
let running;

/** A short call sends no progress at all, so a row appears when its call begins. */
function begin({ operation, time }) {
  end(time);
  if (!LONG_CALLS.includes(operation)) return;
  const row = document.querySelector('#row').content.firstElementChild.cloneNode(true);
  row.dataset.operation = operation;
  row.dataset.done = 'false';
  row.querySelector('.name').textContent = operation;
  row.querySelector('.detail').textContent = 'working';
  document.querySelector('#rows').append(row);
  running = { row, operation, since: time };
}

function show(progress) {
  if (running?.operation !== progress.operation) return;
  const { row } = running;
  const { remainingSeconds } = rate.update(progress, progress.time);
  if (progress.pulse) row.dataset.pulsed = 'true';
  // Without a value the bar shows activity only: nobody knows how far a pulsing call is.
  if (progress.fraction !== null) row.querySelector('progress').value = progress.fraction;
  row.querySelector('.detail').textContent = describe(progress, remainingSeconds);
}

function describe({ phase, fraction }, remainingSeconds) {
  if (phase !== undefined) return PHASES[phase];
  if (fraction === null) return 'working';
  const left = remainingSeconds === null ? '' : ` · ${Math.ceil(remainingSeconds)} s left`;
  return `${Math.round(fraction * 100)} %${left}`;
}

/** The calls of the job follow one another: the next one's beginning is the end of the one before. */
function end(time) {
  if (running === undefined) return;
  const { row, since } = running;
  const seconds = (time - since) / 1000;
  row.dataset.done = 'true';
  row.dataset.seconds = String(seconds);
  row.querySelector('progress').value = 1;
  row.querySelector('.detail').textContent = `done in ${seconds.toFixed(1)} s`;
  running = undefined;
}

function tell(state, text = state) {
  status.className = state;
  status.textContent = text;
}

const socket = new WebSocket(new URL('/events', location.href.replace(/^http/, 'ws')));
try {
  tell('running');
  for await (const event of receiveEvents(socket)) {
    if (event.type === 'progress') show(event);
    else if (event.type === 'enter') begin(event);
    else if (event.type === 'warning') document.querySelector('#warnings').append(`${event.text}\n`);
    else if (event.type === 'subprocessQuit' && !event.expected) throw new Error(event.reason);
  }
  end(Date.now());
  tell('finished');
} catch (error) {
  tell('failed', `failed: ${error.message}`);
}
