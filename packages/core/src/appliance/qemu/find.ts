import { realpath, stat } from 'node:fs/promises';
import { GuestfsError } from '../../protocol/errors.js';
import { installHint } from '../host/install-hint.js';
import { findProgram, findProgramNow } from '../process/find-program.js';
import { runCommand } from '../process/run.js';
import type { HostCpu } from './architecture.js';

/** A qemu binary, and what tells whether it is still the same one. */
export interface Qemu {
  readonly file: string;
  /** Device, inode, size and time of change: another after every update. */
  readonly identity: string;
}

/** Finds qemu: the one that is set, else the one for this CPU on PATH, else qemu-kvm. */
export async function findQemu(hv: string | undefined, cpu: HostCpu): Promise<Qemu> {
  const names = hv === undefined || hv === '' ? namesOf(cpu) : [hv];
  for (const name of names) {
    const file = await findProgram(name);
    if (file === null) continue;
    const real = await realpath(file);
    const { dev, ino, size, mtimeNs } = await stat(real, { bigint: true });
    return { file, identity: `${real}:${dev}:${ino}:${size}:${mtimeNs}` };
  }
  if (hv === undefined || hv === '') {
    throw new GuestfsError('ERR_GUESTFS_QEMU_NOT_FOUND', `qemu was not found (${names.join(', ')})`, {
      hint: installHint('qemu'),
    });
  }
  const there = await stat(hv).then(
    (found) => found.isFile(),
    () => false,
  );
  throw new GuestfsError(
    'ERR_GUESTFS_QEMU_NOT_FOUND',
    `the chosen qemu ${hv} ${there ? 'may not be executed' : 'does not exist'}`,
    {
      hint: there ? `chmod +x ${hv}` : 'correct LIBGUESTFS_HV or the hv setting, or leave it out',
    },
  );
}

/** The path of the qemu that a launch would use where none is set; the name that is looked for where there is none. */
export function findQemuNow(cpu: HostCpu): string {
  const names = namesOf(cpu);
  for (const name of names) {
    const file = findProgramNow(name);
    if (file !== null) return file;
  }
  return names[0];
}

function namesOf(cpu: HostCpu): [string, ...string[]] {
  return [`qemu-system-${cpu}`, 'qemu-kvm', '/usr/libexec/qemu-kvm'];
}

/** The first line of qemu's version text; null when it tells none. */
export async function qemuVersion(qemu: Qemu, log?: (line: string) => void): Promise<string | null> {
  const result = await runCommand(qemu.file, ['-version'], { timeout: 5_000, env: { LC_ALL: 'C' }, log });
  return result.failure === null ? (result.stdout.split('\n')[0] ?? null) : null;
}

/** The accelerators that a qemu binary was built with, in its own words; null when it does not tell. */
export async function builtInAccelerators(qemu: Qemu, log?: (line: string) => void): Promise<readonly string[] | null> {
  const result = await runCommand(qemu.file, ['-accel', 'help'], { timeout: 5_000, env: { LC_ALL: 'C' }, log });
  return result.failure === null ? parseAccelerators(result.stdout) : null;
}

/** Reads the output of `qemu -accel help`: a heading, then a name a line. */
export function parseAccelerators(output: string): string[] {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^[a-z0-9]+$/.test(line));
}
