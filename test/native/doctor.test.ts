import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { accessSync, chmodSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Guestfs } from 'guestfs';
import { findProgram } from '@guestfs/core/appliance';

const program = fileURLToPath(new URL('../../packages/guestfs/bin/guestfs.js', import.meta.url));

let folder: string;
let bin: string;
let skeleton: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-doctor-'));
  bin = join(folder, 'bin');
  skeleton = join(folder, 'guestfs');
  await mkdir(bin);
  await mkdir(join(skeleton, 'supermin.d'), { recursive: true });
  await writeFile(join(skeleton, 'supermin.d/base.tar.gz'), '');
  await writeFile(join(skeleton, 'supermin.d/packages'), '');
  await script(
    'qemu-system-x86_64',
    'case "$*" in -version) echo "QEMU emulator version 7.2.0";; "-accel help") printf "Accelerators supported in QEMU binary:\\ntcg\\nkvm\\n";; *) echo "failed to set MSR 0x10a" >&2; exit 134;; esac',
  );
  await script('supermin', 'echo "supermin 5.2.2"');
  await script('qemu-img', 'exit 0');
  for (const name of ['sh', 'setpriv']) {
    const file = await findProgram(name);
    if (file !== null) await symlink(file, join(bin, name));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function script(name: string, body: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(bin, name), 0o755);
}

async function doctor(
  env: Record<string, string>,
  wrapper: string[] = [],
): Promise<{ status: number | null; text: string }> {
  const [file = '', ...args] = [...wrapper, process.execPath, program, 'doctor'];
  const base = { LIBGUESTFS_PATH: skeleton, LIBGUESTFS_CACHEDIR: folder, HOME: folder, PATH: bin };
  const child = spawn(file, args, { env: { ...base, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, text };
}

function opens(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

describe('guestfs doctor', () => {
  test('on a machine without qemu and supermin names both, with the mend, and fails', async () => {
    const { status, text } = await doctor({ PATH: join(folder, 'guestfs') });
    expect(status).toBe(1);
    expect(text).toMatch(/^✘ qemu .*\n.*→ install it/m);
    expect(text).toMatch(/^✘ supermin .*not installed\n.*→ install it/m);
  }, 60_000);

  const whereKvm = opens('/dev/kvm') && process.arch === 'x64' ? test : test.skip;
  whereKvm(
    'with a KVM that is there and does not run a kernel says so, and fails',
    async () => {
      const kernel = join(folder, 'kernel');
      await writeFile(kernel, 'x');
      const { status, text } = await doctor({ SUPERMIN_KERNEL: kernel });
      expect(status).toBe(1);
      expect(text).toMatch(/^✘ accelerators .*failed to set MSR 0x10a.*\n.*→ .*force_tcg/m);
      const mended = await doctor({ SUPERMIN_KERNEL: kernel, LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' });
      expect(mended.text).toContain('All is well.');
      expect(mended.status).toBe(0);
    },
    60_000,
  );

  // Root reads everything, unless it gives up the right to.
  const root = process.geteuid?.() === 0;
  const whereUnreadable = process.platform === 'linux' ? test : test.skip;
  whereUnreadable(
    'with a kernel that this user may not read gives the command, and fails',
    async () => {
      const kernel = join(folder, 'locked');
      await writeFile(kernel, 'x', { mode: 0o000 });
      const wrapper = root
        ? [
            '/usr/bin/setpriv',
            '--bounding-set',
            '-dac_override,-dac_read_search',
            '--inh-caps',
            '-dac_override,-dac_read_search',
          ]
        : [];
      const { status, text } = await doctor(
        { SUPERMIN_KERNEL: kernel, LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' },
        wrapper,
      );
      expect(text).toMatch(
        new RegExp(`^✘ kernel .*${kernel} cannot be read by this user\n.*→ sudo chmod 0644 ${kernel}`, 'm'),
      );
      expect(status).toBe(1);
    },
    60_000,
  );

  test('a wrong option shows the usage', async () => {
    const child = spawn(process.execPath, [program, 'doctor', '--nonsense']);
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(2);
    expect(text).toContain('Usage: guestfs doctor');
  }, 60_000);
});

describe('an error of a launch', () => {
  test('carries what the checks that match find', async () => {
    await using g = new Guestfs({ environment: {} });
    g.setHv('/nowhere/qemu');
    g.addDriveScratch(1024 * 1024);
    const error = await g.launch().then(
      () => null,
      (failure: Error) => failure,
    );
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_QEMU_NOT_FOUND' });
    expect(error!.message).toMatch(/What was checked:\n {4}✘ qemu .*\/nowhere\/qemu/);
    expect(error!.stack).toContain('What was checked');
  });

  test('an unknown backend is refused with the list', () => {
    const g = new Guestfs({ environment: {} });
    for (const name of ['nonsense', 'unix:', 'replay:', 'libvirt:', 'Direct', '']) {
      expect(() => g.setBackend(name)).toThrow(
        expect.objectContaining({
          code: 'ERR_GUESTFS_ARGUMENT',
          hint: expect.stringMatching(/direct.*unix:PATH.*libvirt.*replay:FILE/),
        }),
      );
    }
    for (const name of ['direct', 'appliance', 'unix:/a', 'libvirt', 'libvirt:qemu:///session', 'replay:/a.gfr']) {
      g.setBackend(name);
      expect(g.getBackend()).toBe(name === 'appliance' ? 'direct' : name);
      g.setAttachMethod(name);
    }
    for (const name of ['direct', 'appliance', 'replay:/x', 'libvirt', 'libvirt:test:///default', 'unix:/x']) {
      for (const variable of ['LIBGUESTFS_BACKEND', 'LIBGUESTFS_ATTACH_METHOD']) {
        const h = new Guestfs({ environment: { [variable]: name } });
        const expected = ['direct', 'appliance'].includes(name) ? ['direct', 'appliance'] : [name, name];
        expect([h.getBackend(), h.getAttachMethod()]).toEqual(expected);
      }
    }
    expect(() => new Guestfs({ environment: { LIBGUESTFS_BACKEND: 'nonsense' } })).toThrow(
      expect.objectContaining({
        code: 'ERR_GUESTFS_ENVIRONMENT',
        message: expect.stringMatching(
          /LIBGUESTFS_BACKEND[^]*nonsense[^]*direct[^]*libvirt:URI[^]*unix:PATH[^]*replay:FILE/,
        ),
      }),
    );
  });
});
