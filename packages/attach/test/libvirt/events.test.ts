import { describe, expect, test } from '@jest/globals';
import { libvirtEvent, runState } from '../../src/libvirt/events.js';

/** As `virsh event` writes them. */
const DOMAIN = "for domain 'guestfs-0123456789abcdef'";

describe('an event of libvirt', () => {
  const disk = { device: 'hd0', operation: 'write', action: 'stop', nospace: true, reason: '' };

  test.each([
    [`event 'io-error-reason' ${DOMAIN}: /d/a (b).img (ua-hd0) pause due to enospc`, { kind: 'disk', error: disk }],
    [
      `event 'io-error-reason' ${DOMAIN}:  (ua-hd1) report due to `,
      { kind: 'disk', error: { device: 'hd1', operation: 'read', action: 'report', nospace: false, reason: '' } },
    ],
    [
      `event 'io-error-reason' ${DOMAIN}: /d/b (scsi0-0-0-0) none due to eio`,
      {
        kind: 'disk',
        error: { device: 'scsi0-0-0-0', operation: 'read', action: 'ignore', nospace: false, reason: '' },
      },
    ],
    [`event 'lifecycle' ${DOMAIN}: Suspended Paused`, { kind: 'stopped' }],
    [`event 'lifecycle' ${DOMAIN}: Suspended I/O Error`, { kind: 'stopped' }],
    [`event 'lifecycle' ${DOMAIN}: Resumed Unpaused`, { kind: 'resumed' }],
    [`event 'lifecycle' ${DOMAIN}: Crashed Panicked`, { kind: 'panicked' }],
    [
      `event 'lifecycle' ${DOMAIN}: Shutdown Finished after guest request`,
      { kind: 'shutdown', guest: true, reason: 'guest-shutdown' },
    ],
    [
      `event 'lifecycle' ${DOMAIN}: Shutdown Finished after host request`,
      { kind: 'shutdown', guest: false, reason: 'host-signal' },
    ],
    [`event 'lifecycle' ${DOMAIN}: Stopped Crashed`, { kind: 'shutdown', guest: true, reason: 'guest-panic' }],
    [`event 'lifecycle' ${DOMAIN}: Stopped Destroyed`, { kind: 'shutdown', guest: false, reason: 'host-qmp-quit' }],
    [`event 'lifecycle' ${DOMAIN}: Stopped Failed`, { kind: 'shutdown', guest: false, reason: 'Failed' }],
    [`event 'reboot' ${DOMAIN}`, { kind: 'reset' }],
    [`event 'watchdog' ${DOMAIN}: poweroff`, { kind: 'watchdog', action: 'poweroff' }],
  ])('%s', (line, event) => {
    expect(libvirtEvent(line)).toEqual(event);
  });

  test.each([
    `event 'lifecycle' ${DOMAIN}: Started Booted`,
    `event 'io-error' ${DOMAIN}: /d/a.img (ua-hd0) pause`,
    'virsh # event --domain guestfs-0123456789abcdef --all --loop',
    '',
  ])('that does not matter: %s', (line) => {
    expect(libvirtEvent(line)).toBeNull();
  });
});

describe('the state of a domain, among what virsh echoes', () => {
  const says = (state: string): string => `virsh # domstate --domain g --reason\n${state}\n\nvirsh # echo mark\nmark\n`;

  test.each([
    ['running (booted)', 'running'],
    ['paused (user)', 'paused'],
    ['paused (I/O error)', 'io-error'],
    ['paused (watchdog)', 'watchdog'],
    ['paused (crashed)', 'guest-panicked'],
    ['paused (shutting down)', 'shutdown'],
    ['crashed (panicked)', 'guest-panicked'],
    ['in shutdown', 'shutdown'],
    ['shut off (destroyed)', 'shutdown'],
  ])('%s', (said, state) => {
    expect(runState(says(said))).toBe(state);
  });

  test('is not made up where virsh does not tell', () => {
    expect(() => runState('virsh # domstate --domain g --reason\n')).toThrow('does not tell');
  });
});
