import type { LaunchPhase } from '../config/config.js';

const KERNEL = /Linux version |supermin: |^\[ +\d+\.\d+\]/m;
const INIT = /Starting \/init script|guest-init: running/;
/** Longer than any of the words looked for, which may be cut in two. */
const OVERLAP = 64;

/** Reads from the console how far the appliance has come; each phase is told once, and in order. */
export class ConsolePhases {
  readonly #report: (phase: LaunchPhase) => void;
  #kernel = false;
  #init = false;
  #rest = '';

  constructor(report: (phase: LaunchPhase) => void) {
    this.#report = report;
  }

  /** Whether the kernel has shown that it runs. */
  get kernelUp(): boolean {
    return this.#kernel;
  }

  read(bytes: Buffer): void {
    if (this.#init) return;
    const text = this.#rest + bytes.toString('latin1');
    this.#rest = text.slice(-OVERLAP);
    const init = INIT.test(text);
    if (init || KERNEL.test(text)) this.#enterKernel();
    if (init) this.#enterInit();
  }

  /** The daemon is up: what the console did not tell has happened too. */
  complete(): void {
    this.#enterKernel();
    this.#enterInit();
    this.#report('ready');
  }

  #enterKernel(): void {
    if (!this.#kernel) this.#report('kernelUp');
    this.#kernel = true;
  }

  #enterInit(): void {
    if (!this.#init) this.#report('initRunning');
    this.#init = true;
  }
}
