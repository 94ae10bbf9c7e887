import { randomUUID } from 'node:crypto';
import { GuestfsError } from '@guestfs/core';
import { withDeathSignal, lastLines, pause, startProcess, within, type StartedProcess } from '@guestfs/core/appliance';
import { explainFailure } from './failures.js';
import type { Virsh } from './virsh.js';

/** How long stderr may come after the stdout of the same command, in milliseconds. */
const STDERR_LAG = 100;
/** How long a command may take, in milliseconds. */
const COMMAND_LIMIT = 60_000;

/**
 * A virsh that keeps its connection, and takes commands on its input.
 *
 * A domain created with `--autodestroy` goes with the connection, and the connection with this process: the input ends
 * then, however the process died.
 */
export class VirshShell {
  readonly pid: number | undefined;
  /** Resolves, never rejects, when virsh is gone. */
  readonly ended: Promise<void>;
  readonly #child: StartedProcess;
  readonly #uri: string | undefined;
  #output = '';
  #errors = '';
  #onOutput: (() => void) | null = null;
  /** The command that runs, which the next one waits for. */
  #running: Promise<unknown> = Promise.resolve();
  #gone = false;

  private constructor(child: StartedProcess, uri: string | undefined) {
    this.#child = child;
    this.#uri = uri;
    this.pid = child.pid;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#onOutput?.();
    });
    child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#errors = (this.#errors + text).slice(-64 * 1024)));
    child.stdin?.on('error', () => undefined);
    this.ended = child.ended.then(() => {
      this.#gone = true;
      this.#onOutput?.();
    });
  }

  /** Starts it and waits until it is connected. It dies with this process, also where it does not read its input. */
  static start(virsh: Virsh): Promise<VirshShell> {
    return virsh.start(async (program, args, env) => {
      const [file, all] = await withDeathSignal(program, args, virsh.log);
      const child = startProcess(file, all, {
        env: { ...process.env, ...env },
        stdin: 'pipe',
        output: 'pipe',
        detached: true,
        log: virsh.log,
      });
      const shell = new VirshShell(child, virsh.uri);
      try {
        await shell.run(['hostname']).catch(() => shell.run(['uri']));
        return shell;
      } catch (error) {
        shell.kill();
        throw error;
      }
    });
  }

  /** Runs one command after those before it, and resolves with what it prints. */
  run(words: readonly string[]): Promise<string> {
    const result = this.#running.then(() => this.#run(words));
    this.#running = result.catch(() => undefined);
    return result;
  }

  /** Runs a command that prints until it is killed, and tells each line; no other command is taken then. */
  follow(words: readonly string[], line: (text: string) => void): void {
    this.#output = '';
    this.#onOutput = () => {
      const lines = this.#output.split('\n');
      this.#output = lines.pop() ?? '';
      for (const text of lines) line(text);
    };
    this.#child.stdin?.write(`${words.map(quote).join(' ')}\n`);
  }

  async #run(words: readonly string[]): Promise<string> {
    const mark = randomUUID();
    this.#output = '';
    this.#errors = '';
    this.#child.stdin?.write(`${words.map(quote).join(' ')}\necho ${mark}\n`);
    // The command itself is echoed too, after a prompt.
    const done = new RegExp(`^${mark}`, 'm');
    const answered = async (): Promise<void> => {
      while (!this.#gone && !done.test(this.#output)) await new Promise<void>((resolve) => (this.#onOutput = resolve));
    };
    await within(COMMAND_LIMIT, answered(), () => this.#late(words[0] ?? ''));
    if (this.#errors === '') await pause(STDERR_LAG);
    if (this.#gone || /^error: /m.test(this.#errors)) throw this.#failure(words[0] ?? '');
    return this.#output;
  }

  /** Ends it, and with it the domains it created. */
  async quit(): Promise<void> {
    this.#child.stdin?.end('quit\n');
    await this.ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Ends it: what it would answer later would be taken for the answer to another command. */
  #late(command: string): GuestfsError {
    this.kill();
    return new GuestfsError(
      'ERR_GUESTFS_LIBVIRT',
      `libvirt did not answer ${command} within ${COMMAND_LIMIT / 1000} s`,
      {
        hint: 'see whether libvirt answers at all: virsh list; and whether the drives can be opened',
      },
    );
  }

  #failure(command: string): GuestfsError {
    if (this.#errors === '')
      return new GuestfsError('ERR_GUESTFS_LIBVIRT', `virsh ended in ${command}`, { log: lastLines(this.#output) });
    return explainFailure({ output: this.#errors, failure: 'failed' }, { uri: this.#uri, answered: false });
  }
}

/** A word as virsh's own parser takes it. */
function quote(word: string): string {
  return /^[A-Za-z0-9_./:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
