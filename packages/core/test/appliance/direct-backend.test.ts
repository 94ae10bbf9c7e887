import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { DirectBackend } from '../../src/appliance/direct-backend.js';
import type { DriveConfig, LaunchConfig } from '../../src/appliance/config/config.js';
import { FakeHost, HEALTHY, isAlive, Reports } from './fake-qemu.js';

// Every fake qemu is a process of its own: on a busy machine they take their time.
jest.setTimeout(120_000);

let host: FakeHost;
beforeEach(async () => void (host = await FakeHost.make()));
afterEach(() => host.remove());

function launch(change: Partial<LaunchConfig> = {}, reports = new Reports()) {
  return new DirectBackend({ kvmDevice: join(host.folder, 'kvm') }).launch(host.config(change), reports);
}

async function drives(change: Partial<DriveConfig> = {}): Promise<DriveConfig[]> {
  return [{ file: await host.disk(), readonly: false, ...change }];
}

describe('a session', () => {
  test('reports its phases in order and all console output, and shutdown leaves nothing', async () => {
    await host.qemu(`console.error('from stderr'); ${HEALTHY}`);
    const reports = new Reports();
    const session = await launch({ drives: await drives() }, reports);
    expect(reports.phases).toEqual(['start', 'applianceBuilt', 'kernelUp', 'initRunning', 'ready']);
    expect(isAlive(session.pid!)).toBe(true);
    expect(await host.leftOver()).toHaveLength(1);
    await Promise.all([session.shutdown(), session.shutdown()]);
    expect(reports.output).toMatch(/from stderr/);
    expect(reports.output).toMatch(/Linux version 6/);
    expect(await session.ended).toMatchObject({ expected: true });
    expect(isAlive(session.pid!)).toBe(false);
    expect(await host.leftOver()).toEqual([]);
  });

  test('kill ends it at once, also a qemu that ignores SIGTERM', async () => {
    await host.qemu(`process.removeAllListeners('SIGTERM'); process.on('SIGTERM', () => undefined); ${HEALTHY}`);
    const session = await launch();
    session.kill();
    expect(await session.ended).toMatchObject({ expected: true });
    expect(isAlive(session.pid!)).toBe(false);
    expect(await host.leftOver()).toEqual([]);
  });

  test('tells that qemu died, rejects calls with its last words, and cleans up', async () => {
    await host.qemu(`${HEALTHY} setTimeout(() => { console.error('the sky fell'); process.exit(7); }, 300);`);
    const session = await launch();
    expect(await session.ended).toEqual({ expected: false, reason: 'qemu exited with status 7' });
    await expect(session.connection.ping()).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    expect(await host.leftOver()).toEqual([]);
  });

  test('ends a qemu whose daemon went away', async () => {
    await host.qemu(
      `stay(); const port = connect(); port.on('error', () => undefined).write(LAUNCHED); setTimeout(() => port.destroy(), 300);`,
    );
    const session = await launch();
    expect(await session.ended).toEqual({ expected: false, reason: 'the daemon closed the connection' });
    expect(isAlive(session.pid!)).toBe(false);
  });

  test('gives qemu English messages and a temporary folder in that of the handle, which goes with it', async () => {
    await host.qemu(`console.error('env', process.env.LC_ALL, process.env.TMPDIR); ${HEALTHY}`);
    const reports = new Reports();
    const session = await launch({}, reports);
    await session.shutdown();
    expect(reports.output).toContain(`env C ${host.folder}/tmp/guestfs-`);
    expect(await readdir(join(host.folder, 'tmp'))).toEqual([]);
  });
});

describe('a launch that fails', () => {
  afterEach(async () => expect(await host.leftOver()).toEqual([]));

  test('because qemu exits at once tells its words', async () => {
    await host.qemu(`console.error('no such luck'); process.exit(1);`);
    await expect(launch()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_QEMU_EXITED',
      message: expect.stringContaining('exited with status 1'),
      log: 'no such luck',
      hint: expect.any(String),
    });
  });

  test('because qemu is killed says by which signal', async () => {
    await host.qemu(`process.kill(process.pid, 'SIGKILL');`);
    await expect(launch()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_QEMU_EXITED',
      message: expect.stringContaining('SIGKILL'),
    });
  });

  test('because the port sends garbage', async () => {
    await host.qemu(`stay(); connect().on('error', () => process.exit(1)).write(Buffer.alloc(64, 'x'));`);
    await expect(launch()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_QEMU_EXITED',
      cause: expect.objectContaining({ code: expect.stringMatching(/^ERR_GUESTFS_/) }),
    });
  });

  test('because nothing happens ends after the time given, with what was seen', async () => {
    await host.qemu(`stay(); console.log('so far'); connect();`);
    await expect(launch({ timeout: 1500 })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_LAUNCH_TIMEOUT',
      log: 'so far',
      reason: expect.stringMatching(/^the appliance was not up after 1.5 s; it waited .* for the appliance to boot/),
    });
  });

  test('because qemu does not get its disks open names them', async () => {
    await host.qemu(`stay();`);
    const config = { timeout: 1500, drives: await drives() };
    await expect(launch(config)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_LAUNCH_TIMEOUT',
      message: expect.stringContaining(`to boot with the drive "${host.folder}/disk.img"`),
    });
  });

  test('because supermin takes too long ends after the time given, and says so', async () => {
    await host.qemu(HEALTHY);
    const skeleton = join(host.folder, 'skeleton');
    await mkdir(join(skeleton, 'supermin.d'), { recursive: true });
    for (const name of ['base.tar.gz', 'packages']) await writeFile(join(skeleton, 'supermin.d', name), '');
    await writeFile(join(host.folder, 'supermin'), '#!/bin/sh\nexec sleep 3600\n', { mode: 0o755 });
    const before = process.env['PATH'];
    process.env['PATH'] = `${host.folder}:${before}`;
    try {
      await expect(launch({ timeout: 1500, path: [skeleton] })).rejects.toMatchObject({
        code: 'ERR_GUESTFS_LAUNCH_TIMEOUT',
        reason: expect.stringMatching(/it waited .* for the appliance to be found or built$/),
      });
    } finally {
      process.env['PATH'] = before;
    }
  });

  test('because it was given up, in any phase', async () => {
    await host.qemu(`stay(); console.log('Starting /init script'); connect();`);
    for (const phase of ['start', 'applianceBuilt', 'kernelUp', 'initRunning']) {
      const abort = new AbortController();
      const reason = new Error(`at ${phase}`);
      const reports = new Reports(abort.signal, (reached) => reached === phase && abort.abort(reason));
      await expect(launch({}, reports)).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: reason });
      expect(await host.leftOver()).toEqual([]);
    }
  });

  test('because there is no qemu, or it may not be executed', async () => {
    await expect(launch()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_QEMU_NOT_FOUND',
      message: expect.stringContaining('does not exist'),
    });
    await chmod(await host.qemu(HEALTHY), 0o644);
    await expect(launch()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_QEMU_NOT_FOUND',
      hint: expect.stringContaining('chmod +x'),
    });
  });

  test('because the socket’s path is too long', async () => {
    await host.qemu(HEALTHY);
    const sockdir = join(host.folder, 'x'.repeat(120));
    await mkdir(sockdir);
    await expect(launch({ sockdir })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ARGUMENT',
      message: expect.stringContaining('bytes'),
    });
  });

  test('because the folder for temporary files is missing', async () => {
    await host.qemu(HEALTHY);
    await expect(launch({ tmpdir: join(host.folder, 'none') })).rejects.toMatchObject({
      hint: expect.stringContaining('mkdir -p'),
    });
  });

  test('because a disk is in use names the disk', async () => {
    const list = await drives();
    await host.qemu(
      `console.error('qemu: -drive ' + after('-drive') + ': Failed to get "write" lock'); process.exit(1);`,
    );
    await expect(launch({ drives: list })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DRIVE',
      message: expect.stringContaining(list[0]!.file),
    });
  });

  test.each<[string, (file: string) => Promise<unknown> | undefined, string]>([
    ['missing', () => undefined, 'does not exist'],
    ['empty', (file) => writeFile(file, ''), 'is empty'],
    ['a directory', (file) => mkdir(file), 'is a directory'],
  ])('because a disk is %s', async (_what, make, message) => {
    await host.qemu(HEALTHY);
    const file = join(host.folder, 'the disk');
    await make(file);
    await expect(launch({ drives: [{ file, readonly: true }] })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DRIVE',
      message: expect.stringContaining(message),
      hint: expect.any(String),
    });
  });

  test.each<[string, Partial<DriveConfig>]>([
    ['NUL character', { file: 'a\0b' }],
    ['format', { format: 'raw,if=ide' }],
    ['label', { label: 'a1' }],
    ['blocksize', { blocksize: 1024 }],
    ['read-only', { readonly: true, discard: 'enable', format: 'raw' }],
    ['unless `format`', { discard: 'enable' }],
    ['server', { servers: ['h'] }],
  ])('because of the options of a drive: %s', async (message, change) => {
    await host.qemu(HEALTHY);
    await expect(launch({ drives: await drives(change) })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });
});

describe('drives on their way to qemu', () => {
  test('a password goes through a private file, not the command line', async () => {
    await host.qemu(`const file = /file=([^,]*)/.exec(args.find((word) => word.startsWith('secret,')))[1];
      const { mode } = require('fs').statSync(file);
      console.log('secret file', (mode & 0o777).toString(8), require('fs').readFileSync(file, 'utf8'), args.join(' ').includes('hunter2')); ${HEALTHY}`);
    const reports = new Reports();
    const session = await launch(
      { drives: [{ file: '/x', readonly: true, protocol: 'https', servers: ['h'], username: 'u', secret: 'hunter2' }] },
      reports,
    );
    await session.shutdown();
    expect(reports.output).toContain('secret file 600 hunter2 false');
    expect(reports.lines.join('\n')).not.toContain('hunter2');
  });

  test('/dev/null becomes a small disk of its own', async () => {
    await host.qemu(
      `const file = /file.filename=([^,]*)/.exec(after('-drive'))[1]; console.log('size', require('fs').statSync(file).size); ${HEALTHY}`,
    );
    const reports = new Reports();
    const session = await launch({ drives: [{ file: '/dev/null', readonly: true }] }, reports);
    await session.shutdown();
    expect(reports.output).toContain('size 4096');
  });
});

const onLinux = platform() === 'linux' ? describe : describe.skip;

onLinux('the accelerator', () => {
  const open = { backendSettings: [] as string[] };

  test('KVM that comes alive in the probe is used, and known the next time', async () => {
    await host.qemu(`console.error('mode', accelerator, probe); ${HEALTHY}`);
    const reports = [new Reports(), new Reports()];
    for (const each of reports) await (await launch(open, each)).shutdown();
    expect(reports.map(({ output }) => /mode \w+ \w+/.exec(output)?.[0])).toEqual(['mode kvm false', 'mode kvm false']);
    expect(reports.map(({ lines }) => lines.includes('probe kvm'))).toEqual([true, false]);
    expect(reports.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  test('KVM that dies gives way to TCG with a warning, and is not tried again', async () => {
    await host.qemu(
      `if (accelerator === 'kvm') { console.error('error: failed to set MSR 0x10a'); process.exit(134); } ${HEALTHY}`,
    );
    const reports = [new Reports(), new Reports()];
    for (const each of reports) await (await launch(open, each)).shutdown();
    expect(reports[0]!.warnings).toEqual([expect.stringMatching(/KVM.*failed to set MSR 0x10a.*force_tcg/)]);
    expect(reports[1]!.warnings).toEqual([]);
    expect(reports[1]!.lines).toContainEqual(expect.stringContaining('failed to set MSR'));
    expect(reports[1]!.lines).not.toContain('probe kvm');
  });

  test('KVM that only passes the probe still gives way', async () => {
    await host.qemu(`if (accelerator === 'kvm' && !probe) process.exit(1); ${HEALTHY}`);
    const reports = new Reports();
    await (await launch(open, reports)).shutdown();
    expect(reports.warnings).toEqual([expect.stringContaining('exited with status 1')]);
    expect(reports.lines).toContainEqual(expect.stringContaining('up under tcg'));
  });

  test('KVM that hangs gives way', async () => {
    await host.qemu(`if (accelerator === 'kvm') { console.log('SeaBIOS'); stay(); } else { ${HEALTHY} }`);
    const reports = new Reports();
    await (await launch(open, reports)).shutdown();
    expect(reports.warnings).toEqual([expect.stringContaining('no sign of life')]);
  });

  test('a qemu that fails either way is not held against KVM', async () => {
    await host.qemu(`process.exit(1);`);
    await expect(launch(open)).rejects.toMatchObject({ code: 'ERR_GUESTFS_QEMU_EXITED' });
    await host.qemu(HEALTHY);
    const reports = new Reports();
    await (await launch(open, reports)).shutdown();
    expect(reports.lines).toContainEqual(expect.stringContaining('up under kvm'));
  });

  test('a disk in use is no reason to go on with TCG', async () => {
    const list = await drives();
    await host.qemu(
      `if (!probe) { console.error('qemu: -drive ' + after('-drive') + ': Failed to get "write" lock'); process.exit(1); } ${HEALTHY}`,
    );
    const reports = new Reports();
    await expect(launch({ ...open, drives: list }, reports)).rejects.toMatchObject({ code: 'ERR_GUESTFS_DRIVE' });
    expect(reports.warnings).toEqual([]);
  });

  test('force_kvm does not give way', async () => {
    await host.qemu(`if (accelerator === 'kvm') process.exit(1); ${HEALTHY}`);
    await expect(launch({ backendSettings: ['force_kvm'] })).rejects.toMatchObject({ code: 'ERR_GUESTFS_QEMU_EXITED' });
    expect(await readFile(join(host.folder, 'kvm'), 'utf8')).toBe('');
  });
});
