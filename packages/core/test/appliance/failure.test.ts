import { describe, expect, test } from '@jest/globals';
import { explainExit, explainTimeout } from '../../src/appliance/boot/failure.js';

const DRIVE = 'qemu-system-x86_64: -drive id=hd1,if=none,file.driver=file,file.filename=/b: ';

function explain(stderr: string, console = stderr): ReturnType<typeof explainExit> {
  const drives = [
    { file: '/a', readonly: false },
    { file: '/b', readonly: false },
  ];
  return explainExit({ what: 'qemu exited with status 1', stderr, console, drives, memsize: 1280 });
}

describe('explainExit', () => {
  test.each([
    [
      `Failed to get "write" lock\nIs another process using the image [/b]?`,
      /in use by another process/,
      /readonly: true/,
    ],
    ["Could not open '/b': Permission denied", /may not be opened/, /readable/],
    ["Unknown driver 'qcow9'", /does not know/, /format/],
    ["Could not open backing file: Could not open '/gone': No such file or directory", /backing file/, /qemu-img/],
    ['Image is not in qcow2 format', /not in the format/, /qemu-img info/],
    ['CURL block device does not support writes', /cannot be written/, /readonly: true/],
    ["Failed to connect to 'localhost:1': Connection refused", /cannot be reached/, /server/],
    ['Some words nobody knows', /refused by qemu/, /qemu-img/],
  ])('blames the drive for %j', (said, message, hint) => {
    const error = explain(DRIVE + said);
    expect(error.code).toBe('ERR_GUESTFS_DRIVE');
    expect(error.message).toContain('"/b"');
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(error.log).toContain(said.split('\n')[0]);
  });

  test('is not misled by a file name that looks like an id', () => {
    const named = 'qemu: -drive id=hd0,if=none,file.filename=/x -drive id=hd1,: Could not open: Permission denied';
    expect(explain(named).message).toContain('"/a"');
  });

  test.each([
    ["qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory", /not enough memory/, /MEMSIZE/],
    ['error: failed to set MSR 0x10a to 0x0\nkvm_buf_set_msrs: Assertion failed', /KVM does not work/, /force_tcg/],
    ['qemu-system-x86_64: -xyz: invalid option', /parameters/, /config/],
    ['[  1.0] Kernel panic - not syncing: VFS: Unable to mount root fs', /panicked/, /DEBUG/],
  ])('says what the machine died of: %j', (said, message, hint) => {
    const error = explain(said);
    expect(error.code).toBe('ERR_GUESTFS_QEMU_EXITED');
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  test('tells a full disk of the host', () => {
    expect(explain('qemu: Could not create temporary overlay: No space left on device').code).toBe(
      'ERR_GUESTFS_NO_SPACE',
    );
  });

  test('keeps terminal control sequences out of the log', () => {
    const error = explainTimeout(2000, { console: '\u001b[2J\u001bc\u001b[0mhello\r\n\r\n\u0007world\n' });
    expect(error.code).toBe('ERR_GUESTFS_LAUNCH_TIMEOUT');
    expect(error.log).toBe('hello\nworld');
  });
});
