import { describe, expect, test } from '@jest/globals';
import { createEvent, GuestfsEmitter, StderrFallback } from '../src/index.js';
import { oneOfEach } from './helpers.js';

function printed(
  settings: { verbose?: boolean; trace?: boolean; identifier?: string },
  act: (e: GuestfsEmitter) => void,
) {
  let text = '';
  const all = { verbose: false, trace: false, identifier: '', ...settings };
  const emitter = new GuestfsEmitter({ fallback: new StderrFallback(all, (part) => (text += part)) });
  act(emitter);
  return text;
}

const dispatchAll = (emitter: GuestfsEmitter) => oneOfEach().forEach((event) => emitter.dispatch(event));

describe('what nobody listens to', () => {
  test('only warnings are printed by default', () => {
    expect(printed({}, dispatchAll)).toBe('libguestfs: warning: a listener failed\n');
  });

  test('verbose adds library and appliance messages, trace the traces', () => {
    expect(printed({ verbose: true, trace: true, identifier: 'job 7' }, dispatchAll)).toBe(
      'libguestfs: trace: job 7: mkfs "ext4" "/dev/sda1"\n' +
        'libguestfs: kernel\\t\\xc3\\xa4 \\xf0\\x9f\\x90\\xa7\n' +
        '\\0\\x1\\xff\n\\xc4\\x80' +
        'libguestfs: warning: a listener failed\n',
    );
    expect(printed({ trace: true }, dispatchAll)).toContain('libguestfs: trace: mkfs');
  });

  test('line ends pass in appliance bytes and are escaped elsewhere', () => {
    const bytes = Buffer.from('a\r\nb\x07\b\v\f\x1b[0m\x7f');
    expect(printed({ verbose: true }, (e) => e.dispatch(createEvent.appliance(bytes)))).toBe(
      'a\r\nb\\a\\b\\v\\f\\x1b[0m\\x7f',
    );
    expect(printed({}, (e) => e.dispatch(createEvent.warning('a\r\nb')))).toBe('libguestfs: warning: a\\r\\nb\n');
  });

  test('a listener of any kind overrides it, until it is gone', () => {
    expect(
      printed({}, (emitter) => {
        const handle = emitter.setEventCallback(() => undefined, 0x200);
        emitter.dispatch(createEvent.warning('heard'));
        emitter.deleteEventCallback(handle);
        const iterator = emitter.events('warning');
        emitter.dispatch(createEvent.warning('queued'));
        void iterator.return();
        emitter.dispatch(createEvent.warning('unheard'));
      }),
    ).toBe('libguestfs: warning: unheard\n');
  });

  test('wants() follows the settings as they change', () => {
    const settings = { verbose: false, trace: false, identifier: '' };
    const emitter = new GuestfsEmitter({ fallback: new StderrFallback(settings, () => undefined) });
    const wanted = () =>
      (['warning', 'trace', 'library', 'appliance', 'progress'] as const).map((n) => emitter.wants(n));
    expect(wanted()).toEqual([true, false, false, false, false]);
    Object.assign(settings, { verbose: true, trace: true });
    expect(wanted()).toEqual([true, true, true, true, false]);
  });
});
