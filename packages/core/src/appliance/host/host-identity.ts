import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { cpus, release, uptime } from 'node:os';

/** Differs between one boot of the host and the next. */
export async function hostBoot(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  } catch {
    // To the minute: the two clocks are not read at the same time.
    return String(Math.round((Date.now() / 1000 - uptime()) / 60));
  }
}

/** A hash of what the first processor of this host is: a machine saved on another may hang when it goes on here. */
export async function hostCpuModel(): Promise<string> {
  const text = (await firstProcessor()) ?? cpus()[0]?.model ?? '';
  const lines = text
    .split('\n')
    .filter((line) => /^(vendor_id|cpu family|model|stepping|microcode|flags|CPU |Features)/.test(line));
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** The release of the host's kernel: under KVM it is a part of the machine. */
export function hostKernel(): string {
  return release();
}

async function firstProcessor(): Promise<string | null> {
  try {
    const handle = await open('/proc/cpuinfo', 'r');
    try {
      // The whole file asks every processor for its clock rate, which takes long on a large host.
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(16 * 1024), 0, 16 * 1024, 0);
      return buffer.toString('latin1', 0, bytesRead).split('\n\n')[0] ?? null;
    } finally {
      await handle.close();
    }
  } catch {
    return null;
  }
}

/** When a process began, in the kernel's ticks since boot; null when there is no such process (any more). */
export async function processStart(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
