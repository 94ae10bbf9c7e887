import { GuestfsEmitter, GuestfsError, reasonOf } from '../src/index.js';

const fields = { hint: 'use another', log: 'one\ntwo', cause: new Error('below') };

describe('a GuestfsError', () => {
  test('renders its parts once, and keeps them apart', () => {
    const error = new GuestfsError('ENOENT', 'it is not there', {
      operation: 'cat',
      args: '("/f")',
      serial: 7,
      ...fields,
    });
    expect(error.message).toBe(
      'cat("/f"): it is not there\n  What to do: use another\n  Last lines of the log:\n    one\n    two',
    );
    expect(error).toMatchObject({
      ...fields,
      name: 'GuestfsError',
      reason: 'it is not there',
      operation: 'cat',
      serial: 7,
    });
    expect(error.errno).toBe(2);
  });

  test('told of another call, loses nothing and keeps its frames', () => {
    const error = new GuestfsError('ERR_GUESTFS_ARGUMENT', 'it costs $& and $1', fields);
    const frames = error.stack?.slice(error.stack.indexOf('\n    at '));
    expect(frames).toContain('errors.test');
    expect(error.withCall({ operation: 'write', args: '("/$&")', serial: 3 })).toBe(error);
    expect(error.message).toMatch(/^write\("\/\$&"\): it costs \$& and \$1\n[ ]{2}What to do: use another\n/);
    expect(error).toMatchObject({ ...fields, operation: 'write', args: '("/$&")', serial: 3 });
    expect(error.stack).toBe(`GuestfsError: ${error.message}${frames}`);
    error.withCall({ operation: 'copyIn' });
    expect(error.message).toMatch(/^copyIn: it costs/);
    expect(error.serial).toBe(3);
  });

  test('shows a diagnosis after the log', () => {
    const error = new GuestfsError('ERR_GUESTFS_QEMU_EXITED', 'qemu ended', { log: 'panic' }).withDiagnosis('kvm: no');
    expect(error.message).toBe('qemu ended\n  Last lines of the log:\n    panic\n  What was checked:\n    kvm: no');
    expect(error.diagnosis).toBe('kvm: no');
    expect(error.stack?.startsWith(`GuestfsError: ${error.message}\n`)).toBe(true);
  });

  test('takes the frames of another stack', () => {
    const other = new Error('other').stack ?? '';
    const error = new GuestfsError('EIO', 'broken').withFrames(other);
    expect(error.stack).toBe(`GuestfsError: broken${other.slice(other.indexOf('\n'))}`);
  });

  test('is what this package throws, too', () => {
    const emitter = new GuestfsEmitter();
    expect(() => emitter.on('nope' as 'close', () => undefined)).toThrow(GuestfsError);
  });
});

test.each([
  [new GuestfsError('EIO', 'broken', { operation: 'cat', hint: 'mend it' }), 'broken'],
  [new Error('plain'), 'plain'],
  ['text', 'text'],
  [null, 'null'],
  [Object.create(null), 'a value that cannot be shown'],
])('the reason of %p is %p', (error, reason) => expect(reasonOf(error)).toBe(reason));
