import { expect, test } from '@jest/globals';
import { machineEvent } from '../../../src/appliance/monitor/events.js';

const error = {
  device: 'hd0',
  'node-name': '#block123',
  operation: 'write',
  action: 'stop',
  nospace: true,
  reason: 'No space left on device',
};

test.each([
  [
    'BLOCK_IO_ERROR',
    error,
    {
      kind: 'disk',
      error: { device: 'hd0', operation: 'write', action: 'stop', nospace: true, reason: 'No space left on device' },
    },
  ],
  [
    'BLOCK_IO_ERROR',
    { ...error, device: '', operation: 'read', action: 'report', nospace: false },
    {
      kind: 'disk',
      error: {
        device: '#block123',
        operation: 'read',
        action: 'report',
        nospace: false,
        reason: 'No space left on device',
      },
    },
  ],
  // What a qemu does not tell is not made up, and nothing of it throws.
  [
    'BLOCK_IO_ERROR',
    { device: 7 },
    { kind: 'disk', error: { device: '', operation: 'write', action: 'report', nospace: false, reason: '' } },
  ],
  ['STOP', {}, { kind: 'stopped' }],
  ['RESUME', {}, { kind: 'resumed' }],
  ['RESET', { guest: true, reason: 'guest-reset' }, { kind: 'reset' }],
  ['SHUTDOWN', { guest: true, reason: 'guest-reset' }, { kind: 'shutdown', guest: true, reason: 'guest-reset' }],
  ['SHUTDOWN', {}, { kind: 'shutdown', guest: false, reason: '' }],
  ['GUEST_PANICKED', { action: 'pause' }, { kind: 'panicked' }],
  ['WATCHDOG', { action: 'poweroff' }, { kind: 'watchdog', action: 'poweroff' }],
  ['MIGRATION', { status: 'completed' }, null],
])('the event %s of qemu with %j', (name, data, event) => {
  expect(machineEvent({ name, data })).toEqual(event);
});
