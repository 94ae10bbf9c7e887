// Runs in the browser: events arrive over a WebSocket, and the loop ends when the job does.
import { receiveEvents } from '@guestfs/events/receive';

const rows = document.querySelector('#rows');
const status = document.querySelector('#status');
const byOperation = new Map();

/** The table row of an operation, made when it is first heard of. */
function rowOf(operation) {
  let row = byOperation.get(operation);
  if (row === undefined) {
    row = document.querySelector('#row').content.firstElementChild.cloneNode(true);
    row.dataset.operation = operation;
    row.querySelector('.name').textContent = operation;
    rows.append(row);
    byOperation.set(operation, row);
  }
  return row;
}

function show(progress) {
  const row = rowOf(progress.operation);
  const bar = row.querySelector('progress');
  if (progress.pulse) row.dataset.pulsed = 'true';
  // Without a value the bar shows activity only: nobody knows how far a pulsing call is.
  if (progress.fraction === null) bar.removeAttribute('value');
  else bar.value = progress.fraction;
  row.querySelector('.detail').textContent =
    progress.phase ?? (progress.fraction === null ? 'working' : `${Math.round(progress.fraction * 100)} %`);
  row.dataset.done = String(progress.done);
}

const socket = new WebSocket(new URL('/events', location.href.replace(/^http/, 'ws')));
socket.binaryType = 'arraybuffer';
try {
  status.textContent = 'running';
  for await (const event of receiveEvents(socket)) {
    if (event.type === 'progress') show(event);
    else if (event.type === 'launchDone') status.textContent = 'launched';
    else if (event.type === 'warning') document.querySelector('#warnings').append(`${event.text}\n`);
  }
  status.textContent = 'finished';
} catch (error) {
  status.textContent = `failed: ${error.message}`;
}
