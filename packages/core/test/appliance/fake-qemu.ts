import { chmod, mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchConfig, LaunchContext } from '../../src/appliance/config/config.js';
import { machineConfig } from './support.js';

/** Runs in place of qemu: `args` are its arguments, `connect()` opens the daemon's port. */
const PRELUDE = `
const args = process.argv.slice(2);
const after = (option) => args[args.indexOf(option) + 1];
const accelerator = args.includes('-machine') ? /accel=(\\w+)/.exec(after('-machine'))[1] : null;
if (after('-accel') === 'help') { console.log('Accelerators supported in QEMU binary:\\ntcg\\nkvm'); process.exit(0); }
const probe = accelerator !== null && !args.includes('-chardev');
const LAUNCHED = Buffer.from('f5f55ff5', 'hex');
const connect = () => require('net').connect(/path=([^,]*)/.exec(after('-chardev'))[1]);
const stay = () => setInterval(() => undefined, 1000);
process.on('SIGTERM', () => process.exit(0));
`;
/** A qemu whose daemon comes up at once. */
export const HEALTHY = `stay(); console.log('Linux version 6'); if (!probe) connect().on('error', () => undefined).write(LAUNCHED);`;

/** A place with everything that a launch needs, and none of it real. */
export class FakeHost {
  private constructor(readonly folder: string) {}

  static async make(): Promise<FakeHost> {
    const host = new FakeHost(await mkdtemp(join(tmpdir(), 'guestfs-test-')));
    for (const name of ['sock', 'cache', 'tmp', 'lib']) await mkdir(join(host.folder, name));
    const root = Buffer.alloc(4096);
    root.writeUInt16LE(0xef53, 0x438);
    await writeFile(join(host.folder, 'lib/root'), root);
    for (const name of ['README.fixed', 'kernel', 'initrd']) await writeFile(join(host.folder, 'lib', name), '');
    await writeFile(join(host.folder, 'kvm'), '');
    return host;
  }

  /** Puts a program in qemu's place: the body of a script for Node. */
  async qemu(body: string): Promise<string> {
    const file = join(this.folder, 'qemu');
    await writeFile(file, `#!${process.execPath}\n${PRELUDE}${body}\n`);
    await chmod(file, 0o755);
    return file;
  }

  async disk(name = 'disk.img'): Promise<string> {
    const file = join(this.folder, name);
    await writeFile(file, '');
    await truncate(file, 1 << 20);
    return file;
  }

  config(change: Partial<LaunchConfig> = {}): LaunchConfig {
    const at = (name: string): string => join(this.folder, name);
    return machineConfig({
      path: [at('lib')],
      hv: at('qemu'),
      sockdir: at('sock'),
      cachedir: at('cache'),
      tmpdir: at('tmp'),
      backendSettings: ['force_tcg'],
      ...change,
    });
  }

  /** What is left of machines: their folders. */
  leftOver(): Promise<string[]> {
    return readdir(join(this.folder, 'sock'));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Keeps what a launch reports. */
export class Reports implements LaunchContext {
  readonly phases: string[] = [];
  readonly lines: string[] = [];
  readonly warnings: string[] = [];
  output = '';

  constructor(
    readonly signal: AbortSignal = new AbortController().signal,
    private readonly onPhase?: (phase: string) => void,
  ) {}

  phase(phase: string): void {
    this.phases.push(phase);
    this.onPhase?.(phase);
  }
  console(bytes: Uint8Array): void {
    this.output += Buffer.from(bytes).toString();
  }
  log(line: string): void {
    this.lines.push(line);
  }
  warn(line: string): void {
    this.warnings.push(line);
  }
  progress(): void {
    // No test here makes a call long enough.
  }
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
