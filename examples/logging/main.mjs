// Structured logs: what the appliance and the library say, as pino records, one JSON object a line on stdout.
import { Guestfs } from 'guestfs';
import pino from 'pino';
import { lineSplitter } from './lines.mjs';

const log = pino({ level: 'debug' });
const g = new Guestfs();
g.setVerbose(true);
g.setTrace(true);

const console_ = lineSplitter((line) => log.debug({ source: 'appliance' }, line));
g.on('appliance', (event) => console_.write(event.buffer));
g.on('library', (event) => log.debug({ source: 'library' }, event.text));
g.on('trace', (event) => log.info({ source: 'trace' }, event.text));
g.on('warning', (event) => log.warn({ source: 'library', err: event.cause }, event.text));
g.on('launchDone', () => log.info({ source: 'library' }, 'launched'));
g.on('subprocessQuit', (event) => log.info({ source: 'library', expected: event.expected }, event.reason));

try {
  g.addDriveScratch(64n * 1024n * 1024n);
  await g.launch();
  log.info({ devices: await g.listDevices() }, 'devices');
  await g.shutdown();
} catch (error) {
  log.error({ err: error, code: error.code, hint: error.hint }, 'failed');
  process.exitCode = 1;
} finally {
  await g.close();
  console_.end();
}
