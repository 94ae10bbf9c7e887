import { GuestfsError } from '@guestfs/core';
import { findProgram, runCommand, type CommandResult } from '@guestfs/core/appliance';
import { withAuthFile } from './auth-file.js';
import type { Authenticate, CredentialAnswers } from './credentials.js';
import { explainFailure } from './failures.js';
import { isAuthenticationFailure, readPrompts } from './prompts.js';

export interface LibvirtOptions {
  /** The connection's URI; libvirt's own choice when left out. */
  readonly uri?: string | undefined;
  /** Where a file with credentials may be for as long as virsh needs it. */
  readonly tmpdir: string;
  readonly signal?: AbortSignal | undefined;
  readonly log?: (line: string) => void;
  /** Asked when libvirt wants a name and a password; left out, that is an error. */
  readonly authenticate?: Authenticate | undefined;
  /** Milliseconds that a command may take; default 60 000. */
  readonly timeout?: number;
}

/** A connection to libvirt by way of virsh, which is run anew for each command. */
export class Virsh {
  readonly uri: string | undefined;
  readonly #options: LibvirtOptions;
  #answers: CredentialAnswers | null = null;

  constructor(options: LibvirtOptions) {
    this.#options = options;
    this.uri = options.uri;
  }

  /** The same connection with other options; a login that it has is kept. */
  with(changes: Partial<LibvirtOptions>): Virsh {
    const other = new Virsh({ ...this.#options, ...changes });
    other.#answers = this.#answers;
    return other;
  }

  get log(): ((line: string) => void) | undefined {
    return this.#options.log;
  }

  /**
   * Runs a command of virsh and resolves with what it prints.
   *
   * Rejects with the code that {@link explainFailure} finds. Asks for credentials at most once, and keeps them for
   * later commands of this connection.
   */
  async run(args: readonly string[]): Promise<string> {
    let result = await this.#once(args);
    if (result.failure !== null && this.#answers === null && isAuthenticationFailure(result.output)) {
      this.#answers = this.#options.authenticate?.(this.uri ?? '', readPrompts(result.output)) ?? null;
      if (this.#answers !== null) result = await this.#once(args);
    }
    if (result.failure === null) return result.stdout;
    throw explainFailure(result, { uri: this.uri, answered: this.#answers !== null });
  }

  /** Runs `work` with how virsh is started for this connection: the program, its first arguments and its environment. */
  async start<T>(
    work: (program: string, args: readonly string[], env: Record<string, string>) => Promise<T>,
  ): Promise<T> {
    const program = await findVirsh();
    const connect = this.uri === undefined ? ['-q'] : ['-q', '-c', this.uri];
    const env = { LC_ALL: 'C' };
    if (this.#answers === null) return work(program, connect, env);
    return withAuthFile(this.#options.tmpdir, this.#answers, (file) =>
      work(program, connect, { ...env, LIBVIRT_AUTH_FILE: file }),
    );
  }

  #once(args: readonly string[]): Promise<CommandResult> {
    const { signal, timeout = 60_000, log } = this.#options;
    return this.start(async (program, connect, env) => {
      // Without a terminal virsh cannot stop and ask whoever sits there.
      const result = await runCommand(program, [...connect, ...args], {
        env,
        timeout,
        detached: true,
        log,
        ...(signal && { signal }),
      });
      signal?.throwIfAborted();
      return result;
    });
  }
}

async function findVirsh(): Promise<string> {
  const program = await findProgram('virsh');
  if (program !== null) return program;
  throw new GuestfsError('ERR_GUESTFS_LIBVIRT_NOT_FOUND', 'virsh, by which libvirt is reached, is not installed', {
    hint: 'install it: sudo apt install libvirt-clients  (Debian, Ubuntu), or sudo dnf install libvirt-client  (Fedora, RHEL)',
  });
}
