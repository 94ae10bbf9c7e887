import { withDeathSignal } from '../process/death-signal.js';
import { startProcess, type ProcessEnd, type StartedProcess } from '../process/run.js';
import { Tail } from '../process/tail.js';
import type { MachineHome } from './home.js';

export interface MachineProcessOptions {
  readonly qemu: string;
  readonly args: readonly string[];
  /** In a process group of its own. */
  readonly pgroup: boolean;
  readonly home: MachineHome;
  /** What the console and qemu write. */
  readonly output: (bytes: Buffer) => void;
  /** Told of the command, and at its end of how it ended and how long it ran. */
  readonly log?: ((line: string) => void) | undefined;
}

/** How long qemu may take to write its caches back after SIGTERM before it is killed, in milliseconds. */
const TERM_GRACE = 20_000;

/** A running qemu. */
export class MachineProcess {
  readonly pid: number | null;
  /** Resolves, never rejects, when qemu is gone and all it wrote was read. */
  readonly ended: Promise<ProcessEnd>;
  readonly console = new Tail();
  readonly stderr = new Tail();
  readonly #child: StartedProcess;

  private constructor(child: StartedProcess, output: (bytes: Buffer) => void) {
    this.#child = child;
    this.pid = child.pid ?? null;
    this.ended = child.ended;
    child.stdout?.on('data', (bytes: Buffer) => {
      this.console.add(bytes);
      output(bytes);
    });
    child.stderr?.on('data', (bytes: Buffer) => {
      this.console.add(bytes);
      this.stderr.add(bytes);
      output(bytes);
    });
  }

  static async start(options: MachineProcessOptions): Promise<MachineProcess> {
    const { home, log } = options;
    const [file, all] = await withDeathSignal(options.qemu, options.args, log);
    const child = startProcess(file, all, {
      // Messages in English, for `explainExit`; no sound card of the host.
      env: { ...process.env, LC_ALL: 'C', TMPDIR: home.overlays, QEMU_AUDIO_DRV: 'none' },
      stdin: 'ignore',
      output: 'pipe',
      detached: options.pgroup,
      log,
    });
    if (child.pid !== undefined) home.adopt(child.pid);
    return new MachineProcess(child, options.output);
  }

  /** Ends qemu in order, and by force when that takes too long. */
  async stop(): Promise<ProcessEnd> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), TERM_GRACE);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  /** Ends qemu at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
